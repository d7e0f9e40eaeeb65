"""Nodes of the stage."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table, mention_table, sentence_table


def label_findings(
    config: ChexpertLabellingConfig, findings: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Label the findings; return the labels of reports, those of single sentences, and the mentions."""
    labeler = config.labeler()
    return label_table(labeler, findings), sentence_table(labeler, findings), mention_table(labeler, findings)
