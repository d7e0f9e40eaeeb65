"""Nodes of the stage."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.corpora.label_agreement import label_agreement
from coherent_cxr.corpora.mimic_cxr import read_labels
from coherent_cxr.corpora.parsing import ReportParsingConfig


def compare_labels(config: ReportParsingConfig, chexpert_labels: pd.DataFrame) -> pd.DataFrame:
    """Compare our labels of the findings with those that MIMIC-CXR-JPG ships."""
    return label_agreement(chexpert_labels, read_labels(config.mimic_cxr))
