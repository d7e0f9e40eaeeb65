"""The whole study of attention: maps to show, denied against affirmed findings, figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.evaluation.attention.maps import Report, attended_mentions
from coherent_cxr.evaluation.attention.mentions import attention_figure
from coherent_cxr.evaluation.attention.negation import attention_by_status
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.report.figures.negation import negation_figure
from coherent_cxr.evaluation.report.page.data import Attended

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDIES_SHOWN = 4


class AttentionStudy(NamedTuple):
    """Maps and mentions, numbers on negation, their figure, and the maps of one study as a figure."""

    attended: Attended
    by_status: pd.DataFrame
    negation: Figure
    example: Figure


def study_attention(
    config: EvaluationConfig,
    labeler: CheXpertLabeler,
    system: str,
    reports: Sequence[Report],
    images: Sequence[NDArray[np.uint8]],
    positives: Sequence[int],
    patients: Sequence[str],
    notice: str,
) -> AttentionStudy:
    """Study the attention of a generator.

    Args:
        config: Resamples and seed.
        labeler: Finds the mentions.
        system: The generator.
        reports: Its reports with their maps.
        images: Prepared image of each study.
        positives: Positive labels of each study's reference; those with most are shown.
        patients: Patient of each study.
        notice: What must stand under a report.
    """
    mentions = attended_mentions(labeler, reports)
    by_status = attention_by_status(mentions, patients, config.resamples, config.seed)
    shown = [int(row) for row in np.argsort(-np.asarray(positives), kind="stable")[:STUDIES_SHOWN]]
    mean_image = np.mean(images, axis=0).astype(np.uint8)
    return AttentionStudy(
        Attended(system, {row: reports[row] for row in shown}, mentions, by_status, labeler.name),
        by_status,
        negation_figure(mentions, mean_image),
        attention_figure(images[shown[0]], reports[shown[0]], notice) if config.samples else _nothing_shown(),
    )


def _nothing_shown() -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 1))
    figure.text(0.5, 0.5, "No study is shown: evaluation.samples is 0.", ha="center", va="center")
    return figure
