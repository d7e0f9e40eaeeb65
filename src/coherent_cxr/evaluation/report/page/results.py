"""All sections of the page, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.evaluation.headline import UNCERTAIN_IN_WORDS, headline_groups, headline_metrics
from coherent_cxr.evaluation.judges.registry import not_run
from coherent_cxr.evaluation.metrics.meteor import why_meteor_was_not_run
from coherent_cxr.evaluation.metrics.protocols import IN_WORDS
from coherent_cxr.evaluation.reference_rows import REFERENCE_ROWS
from coherent_cxr.evaluation.report.figures.curves import curves_figure
from coherent_cxr.evaluation.report.figures.encoder import encoder_figure
from coherent_cxr.evaluation.report.figures.intervals import intervals_figure
from coherent_cxr.evaluation.report.figures.negation import negation_figure
from coherent_cxr.evaluation.report.figures.svg import inline_svg
from coherent_cxr.evaluation.report.page import paper
from coherent_cxr.evaluation.report.page.attention import COLOURS, attended_study
from coherent_cxr.evaluation.report.page.cases import best_and_worst, choose_samples
from coherent_cxr.evaluation.report.page.consensus import consensus_tables
from coherent_cxr.evaluation.report.page.data import Background, Judged
from coherent_cxr.evaluation.report.page.headline import headline, other_columns
from coherent_cxr.evaluation.report.page.pairs import pairs
from coherent_cxr.evaluation.report.page.rendering import data_uri, render
from coherent_cxr.evaluation.report.page.samples import Sample, sample
from coherent_cxr.evaluation.report.page.tokens import finding_tokens
from coherent_cxr.evaluation.tables import ByMetric, label_table

CASES = 4


def results_page(judged: Judged, background: Background | None = None) -> str:
    """Write the page.

    Args:
        judged: Results and reports.
        background: Images, training, corpus and model; sections without content are left out.

    Returns:
        The page as HTML, with nothing loaded from anywhere.
    """
    background = background or Background()
    config, judges = judged.config, judged.judges
    best, worst = _cases(judged, background)
    metrics, comparisons = ByMetric(judged.metrics), ByMetric(judged.comparisons)
    return render(
        "results.html",
        judged=judged,
        background=background,
        observations=OBSERVATIONS,
        policy=UNCERTAIN_IN_WORDS[config.uncertain],
        tokens={protocol: IN_WORDS[protocol] for protocol in config.protocols},
        judges_not_run=not_run(config.judges),
        meteor_not_run=_meteor_not_run(judged),
        headlines={
            name: found
            for name, columns in headline_groups(config.uncertain, judges).items()
            if (found := headline(metrics, comparisons, columns, oracles=judged.oracles)).columns
        },
        reference_rows={name: what for name, what in REFERENCE_ROWS.items() if name in metrics.systems},
        tables={
            name: headline(metrics, comparisons, columns, keep_absent=True, oracles=judged.oracles)
            for name, columns in other_columns(config.uncertain, config.protocols, judges).items()
        },
        pairs={
            name: pairs(comparisons, metric)
            for name, metric in headline_metrics(config.uncertain, judges).items()
        },
        intervals=_intervals(judged, background),
        heatmaps=[table for rules in judges for table in _heatmaps(judged, rules)],
        paper=paper,
        own_rows=paper.own_rows(judged.metrics, config.uncertain),
        samples=_samples(judged, background, choose_samples(judged.first_codes, config.samples, config.seed)),
        best=_samples(judged, background, best, few=True),
        worst=_samples(judged, background, worst, few=True),
        colours=COLOURS,
        **_attention(judged, background),
        curves=_curves(background),
        encoder=_encoder(background),
        consensus=consensus_tables(background.consensus),
        finding_tokens=finding_tokens(background.finding_tokens),
    )


def _meteor_not_run(judged: Judged) -> str:
    return (
        ""
        if judged.metrics["metric"].str.startswith("METEOR").any()
        else why_meteor_was_not_run(judged.config.meteor)
    )


def _samples(judged: Judged, background: Background, rows: Sequence[int], few: bool = False) -> list[Sample]:
    systems = list(judged.reports)
    if few:
        systems = [s for s in systems if s not in background.compared] or systems
    return [
        sample(
            judged.labeler,
            judged.study_ids[row],
            data_uri(background.images[row], 256) if len(background.images) else "",
            judged.references[row],
            {system: judged.reports[system][row] for system in systems},
        )
        for row in rows
    ]


def _cases(judged: Judged, background: Background) -> tuple[list[int], list[int]]:
    if judged.config.samples == 0 or background.main_system not in judged.report_codes:
        return [], []
    return best_and_worst(judged.report_codes[background.main_system], judged.first_codes, CASES)


def _heatmaps(judged: Judged, rules: str) -> list[dict[str, Any]]:
    positives = (judged.codes[rules] == 1).sum(axis=0).tolist()
    maps = []
    for name in ("F1", "recall", "precision"):
        table = label_table(judged.metrics, name, judged.config.uncertain, rules)
        # without any positive reference, a rate of positives says nothing
        rows = {
            label: [value if count else None for value in values]
            for label, count, values in zip(OBSERVATIONS, positives, table.to_numpy(dtype=float), strict=True)
        }
        counts = dict(zip(OBSERVATIONS, positives, strict=True))
        maps.append(
            {"name": f"{name}, {rules}", "systems": list(table.columns), "rows": rows, "positives": counts}
        )
    return maps


def _intervals(judged: Judged, background: Background) -> str:
    figure = intervals_figure(judged.metrics, judged.config.uncertain, set(background.compared))
    return inline_svg(figure, "intervals", "Headline metrics of every system with 95 % intervals")


def _curves(background: Background) -> str:
    if not any(len(history) for history in background.histories.values()):
        return ""
    return inline_svg(curves_figure(background.histories), "curves", "Learning curves of every stage")


def _encoder(background: Background) -> dict[str, Any] | None:
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


def _attention(judged: Judged, background: Background) -> dict[str, Any]:
    attended = background.attended
    if attended is None or judged.config.samples == 0 or not len(background.images):
        return {"attended": [], "negation": "", "by_status": []}
    studies = [
        attended_study(judged.study_ids[row], background.images[row], report)
        for row, report in attended.reports.items()
    ]
    mean_image = np.mean(np.stack(list(background.images)), axis=0).astype(np.uint8)
    figure = negation_figure(attended.mentions, mean_image)
    return {
        "attended": studies,
        "negation": inline_svg(figure, "negation", "Mean attention of affirmed and of denied mentions"),
        "by_status": attended.by_status.to_dict("records"),
    }
