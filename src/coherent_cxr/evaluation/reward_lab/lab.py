"""From the tables of a corpus to the lab's table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.codes import label_codes
from coherent_cxr.evaluation.reward_lab.config import RewardLabConfig
from coherent_cxr.evaluation.reward_lab.edits import Report
from coherent_cxr.evaluation.reward_lab.table import compare, variants
from coherent_cxr.reports.text import detokenize, tokenize_findings
from coherent_cxr.rewards import CiderD, RewardContext


def try_rewards(
    config: RewardLabConfig,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    document_frequencies: CiderD,
    labeler: CheXpertLabeler,
) -> pd.DataFrame:
    """Make wrong reports from a split's references and compare them by every objective.

    Args:
        config: The objectives, and the split.
        findings: ``study_id`` and ``tokens``.
        labels: ``study_id`` and the 14 observations.
        splits: ``study_id`` and ``split``.
        document_frequencies: CIDEr-D with the training split's document frequencies.
        labeler: Made ``labels``.

    Returns:
        What :func:`.table.compare` returns.

    Raises:
        ValueError: If the split has no findings.
    """

    def label(reports: Sequence[Report]) -> NDArray[np.int8]:
        return label_codes(labeler.label_many([detokenize(report) for report in reports]), OBSERVATIONS)

    split_of = dict(zip(splits["study_id"], splits["split"], strict=True))
    of_split: dict[str, list[Report]] = {"train": [], config.split: []}
    for study_id, tokens in zip(findings["study_id"], findings["tokens"], strict=True):
        if (report := [list(sentence) for sentence in tokens]) and split_of.get(study_id) in of_split:
            of_split[split_of[study_id]].append(report)
    references = of_split[config.split]
    if not references:
        raise ValueError(
            f"The split '{config.split}' has no findings for the reward lab. Choose another one with "
            "reward_lab.split, or use more studies."
        )
    of_training = labels[labels["study_id"].map(split_of) == "train"]
    context = RewardContext(document_frequencies, label_codes(of_training, OBSERVATIONS))
    normal = tokenize_findings(config.normal_report).tokens
    texts = variants(references, of_split["train"], normal, label, config.seed)
    return compare(config.objectives, texts, label, context)
