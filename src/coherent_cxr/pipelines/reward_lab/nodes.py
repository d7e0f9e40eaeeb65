"""Nodes of the stage."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from coherent_cxr.chexpert.io.table_check import check_labels
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.evaluation.reward_lab import lab
from coherent_cxr.evaluation.reward_lab.config import RewardLabConfig
from coherent_cxr.evaluation.reward_lab.page import render
from coherent_cxr.evaluation.reward_lab.table import failures
from coherent_cxr.rewards import CiderD

logger = logging.getLogger(__name__)


def try_rewards(
    config: RewardLabConfig,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
    document_frequencies: dict[str, Any],
    labelling: ChexpertLabellingConfig,
) -> pd.DataFrame:
    """Compare right and wrong reports by every objective, and say which objectives prefer a wrong one."""
    labeler = labelling.labeler()
    check_labels(labeler, findings, chexpert_labels)
    frequencies = CiderD.from_dict(document_frequencies)
    table = lab.try_rewards(config, findings, chexpert_labels, splits, frequencies, labeler)
    for line in failures(table):
        logger.warning(line)
    return table


def draw_page(table: pd.DataFrame) -> str:
    """Write the page."""
    return render(table)
