"""Records as JSON files."""

from __future__ import annotations

from typing import Any

from kedro_datasets import json as kedro_json

from coherent_cxr.datasets.whole import WholeDataset


class JSONDataset(WholeDataset[Any, Any], kedro_json.JSONDataset):
    """Kedro's JSON file, written atomically."""
