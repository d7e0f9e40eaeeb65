"""Nodes of the stage."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from coherent_cxr.corpora.mimic_cxr.loader import read_labels
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.corpora.quality.label_agreement import label_agreement


def compare_labels(
    config: ReportParsingConfig, labelling: ChexpertLabellingConfig, findings: pd.DataFrame
) -> pd.DataFrame:
    """Compare our labels of the findings, by every judge, with those that MIMIC-CXR-JPG ships."""
    shipped = read_labels(config.mimic_cxr)
    tables = []
    for judge in labelling.judges():
        agreement = label_agreement(label_table(judge, findings), shipped)
        agreement.insert(0, "rules", judge.name)
        tables.append(agreement)
    return pd.concat(tables, ignore_index=True)
