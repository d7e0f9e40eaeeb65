"""Sections of the page: what each needs from results and background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.report.figures.curves import curves_figure
from coherent_cxr.evaluation.report.figures.encoder import encoder_figure
from coherent_cxr.evaluation.report.figures.intervals import intervals_figure
from coherent_cxr.evaluation.report.figures.label_heatmap import FEWEST
from coherent_cxr.evaluation.report.figures.negation import negation_figure
from coherent_cxr.evaluation.report.figures.svg import inline_svg
from coherent_cxr.evaluation.report.page.attention import attended_study, scale_of
from coherent_cxr.evaluation.report.page.data import Background, Judged
from coherent_cxr.evaluation.report.page.first import few_columns
from coherent_cxr.evaluation.report.page.rendering import data_uri
from coherent_cxr.evaluation.report.page.studies.cases import best_and_worst, choose_samples
from coherent_cxr.evaluation.report.page.studies.samples import Sample, sample
from coherent_cxr.evaluation.tables import ByMetric

CASES = 4
IMAGE_SIZE = 512


def study_cards(judged: Judged, background: Background) -> list[Sample]:
    """Return the sample studies, then the best and worst cases of the shown system, each once."""
    shown = judged.shown_system(background)
    if judged.config.samples == 0 or not shown:
        return []
    best, worst = best_and_worst(judged.report_codes[shown], judged.first_codes, CASES)
    why = dict.fromkeys(best, "best case") | dict.fromkeys(worst, "worst case")
    rows = choose_samples(judged.first_codes, judged.config.samples, judged.config.seed)
    return [_card(judged, background, row, shown, why.get(row, "")) for row in dict.fromkeys([*rows, *why])]


def _card(judged: Judged, background: Background, row: int, shown: str, why: str) -> Sample:
    return sample(
        judged.labeler,
        judged.study_ids[row],
        data_uri(background.images[row], IMAGE_SIZE) if len(background.images) else "",
        judged.references[row],
        {system: judged.reports[system][row] for system in judged.reports},
        shown,
        background.views[row] if len(background.views) else "",
        why,
    )


def typical(cards: Sequence[Sample]) -> Sample | None:
    """Return the card of the first screen: the first that finds and misses something, or nearly so."""
    for wanted in (("found", "missed"), ("found", "invented"), ("found",), ()):
        for card in cards:
            if all(getattr(card.generated[0], kind) for kind in wanted):
                return card
    return None


def heatmaps(judged: Judged, metrics: ByMetric) -> list[dict[str, Any]]:
    """Return F1, recall and precision by label and system, of every judge.

    Each has ``name``, ``systems`` and ``rows``: by label the ``positives``, whether they are ``few``, and per
    system value and interval, None where there is none. Without any positive reference, a rate of positives
    says nothing.
    """
    maps = []
    for rules in judged.judges:
        positives = (judged.codes[rules] == 1).sum(axis=0).tolist()
        for name in ("F1", "recall", "precision"):
            rows = {}
            for label, count in zip(OBSERVATIONS, positives, strict=True):
                metric = Metric(name, label, "", judged.config.uncertain, rules)
                found = {str(row["system"]): row for row in metrics.records(metric)}
                cells = [found.get(system) if count else None for system in metrics.systems]
                rows[label] = {"positives": count, "few": count < FEWEST, "cells": cells}
            maps.append({"name": f"{name}, {rules}", "systems": metrics.systems, "rows": rows})
    return maps


def intervals(judged: Judged, background: Background) -> str:
    """Return the drawing of the headline's intervals."""
    columns = few_columns(judged)
    figure = intervals_figure(judged.metrics, judged.config.uncertain, background.compared, columns)
    return inline_svg(figure, "intervals", "Headline metrics of every system with 95 % intervals")


def curves(background: Background) -> str:
    """Return the drawing of the learning curves; "" without any."""
    if not any(len(history) for history in background.histories.values()):
        return ""
    return inline_svg(curves_figure(background.histories), "curves", "Learning curves of every stage")


def encoder(background: Background) -> dict[str, Any] | None:
    """Return drawing and table of the label classifier; None without one."""
    found = background.encoder
    if found is None or found.areas.empty:
        return None
    figure = encoder_figure(found.areas, found.reliability, found.thresholds)
    areas = {
        str(name): {str(row["split"]): row for row in own.to_dict("records")}
        for name, own in found.areas.groupby("observation", sort=False)
    }
    description = "AUROC of every label, reliability of its probabilities, operating points"
    return {"figure": inline_svg(figure, "encoder", description), "areas": areas}


def attention(judged: Judged, background: Background) -> dict[str, Any]:
    """Return attended studies, their scale, and affirmed against denied mentions."""
    attended = background.attended
    if attended is None or judged.config.samples == 0 or not len(background.images):
        return {"attended": [], "negation": "", "by_status": [], "top": 0.0}
    top = scale_of(attended.reports)
    studies = [
        attended_study(judged.study_ids[row], background.images[row], report, top)
        for row, report in attended.reports.items()
    ]
    mean_image = np.mean(np.stack(list(background.images)), axis=0).astype(np.uint8)
    figure = negation_figure(attended.mentions, mean_image)
    return {
        "attended": studies,
        "negation": inline_svg(figure, "negation", "Mean attention of affirmed and of denied mentions"),
        "by_status": attended.by_status.to_dict("records"),
        "top": top,
    }
