"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.corpora.openi import download
from coherent_cxr.corpora.openi.download import DownloadOpeniConfig


def download_openi(config: DownloadOpeniConfig) -> tuple[dict[str, Any], pd.DataFrame]:
    """Download and unpack Open-I; return what is where, and what was left in the archives."""
    return download.download_openi(config)
