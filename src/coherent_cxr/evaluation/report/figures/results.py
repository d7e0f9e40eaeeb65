"""The figures of the results, as the catalog keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import UNCERTAIN_IN_WORDS
from coherent_cxr.evaluation.report.figures.curves import curves_figure
from coherent_cxr.evaluation.report.figures.intervals import intervals_figure
from coherent_cxr.evaluation.report.figures.label_heatmap import label_heatmap_figure
from coherent_cxr.evaluation.tables import judges_of, label_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def results_figures(
    config: EvaluationConfig,
    metrics: pd.DataFrame,
    positives: pd.Series,
    compared: frozenset[str],
    histories: Mapping[str, pd.DataFrame],
) -> tuple[Figure, Figure, Figure]:
    """Plot intervals of the headline, F1 by label, and learning curves.

    Args:
        config: What an uncertain label counts as.
        metrics: All metrics.
        positives: Positive references of each observation, by the headline's rule set.
        compared: Systems that are not this project's generator.
        histories: Training histories by stage or system.
    """
    rules = judges_of(metrics)[0]
    values = label_table(metrics, "F1", config.uncertain, rules)
    policy = UNCERTAIN_IN_WORDS[config.uncertain]
    title = f"F1 by label (positives in brackets), judged by rule set {rules}; {policy}"
    return (
        intervals_figure(metrics, config.uncertain, compared),
        label_heatmap_figure(values, positives, title),
        curves_figure(histories),
    )
