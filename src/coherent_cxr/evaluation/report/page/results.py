"""All sections of the page, put together."""

from __future__ import annotations

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.evaluation.headline import UNCERTAIN_IN_WORDS, headline_groups, headline_metrics
from coherent_cxr.evaluation.judges.registry import not_run
from coherent_cxr.evaluation.metrics.meteor import why_meteor_was_not_run
from coherent_cxr.evaluation.metrics.protocols import IN_WORDS
from coherent_cxr.evaluation.metrics.text_quality import FAULTS
from coherent_cxr.evaluation.reference_rows import REFERENCE_ROWS
from coherent_cxr.evaluation.report.page import paper, sections
from coherent_cxr.evaluation.report.page.by_section import section_tables
from coherent_cxr.evaluation.report.page.consensus import consensus_tables
from coherent_cxr.evaluation.report.page.data import Background, Judged
from coherent_cxr.evaluation.report.page.first import first_screen
from coherent_cxr.evaluation.report.page.headline import headline, other_columns
from coherent_cxr.evaluation.report.page.pairs import pairs
from coherent_cxr.evaluation.report.page.rendering import render
from coherent_cxr.evaluation.report.page.tokens import finding_tokens
from coherent_cxr.evaluation.tables import ByMetric
from coherent_cxr.pages.colours import RAMP, system_colours
from coherent_cxr.pages.reasons import in_words


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
    metrics, comparisons = ByMetric(judged.metrics), ByMetric(judged.comparisons)
    cards = sections.study_cards(judged, background)
    return render(
        "results.html",
        judged=judged,
        background=background,
        observations=OBSERVATIONS,
        colours=system_colours(metrics.systems, background.compared),
        ramp=RAMP,
        textless=_textless(metrics, judged),
        first=first_screen(judged, background, metrics, comparisons),
        faults=FAULTS,
        cards=cards,
        outcomes={
            kind: sum(kind in card.filters for card in cards) for kind in ("right", "missed", "invented")
        },
        in_words=in_words,
        typical=sections.typical(cards),
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
        intervals=sections.intervals(judged, background),
        heatmaps=sections.heatmaps(judged, metrics),
        paper=paper,
        own_rows=paper.own_rows(judged.metrics, config.uncertain),
        **sections.attention(judged, background),
        curves=sections.curves(background),
        encoder=sections.encoder(background),
        consensus=consensus_tables(background.consensus),
        finding_tokens=finding_tokens(background.finding_tokens),
        by_section=section_tables(background.sections, config.uncertain, judges[0]),
    )


def _textless(metrics: ByMetric, judged: Judged) -> set[str]:
    """Return the systems that have labels alone, so that no language metric can be theirs."""
    of_text = judged.metrics[judged.metrics["metric"].str.startswith(("BLEU", "ROUGE", "CIDEr"))]
    return set(metrics.systems) - set(of_text["system"])


def _meteor_not_run(judged: Judged) -> str:
    return (
        ""
        if judged.metrics["metric"].str.startswith("METEOR").any()
        else why_meteor_was_not_run(judged.config.meteor)
    )
