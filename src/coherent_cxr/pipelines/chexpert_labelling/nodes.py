"""Nodes of the stage."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table, mention_table


def label_findings(
    config: ChexpertLabellingConfig, findings: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Label every row of the findings; return the labels and the mentions behind them."""
    labeler = config.labeler()
    return label_table(labeler, findings), mention_table(labeler, findings)
