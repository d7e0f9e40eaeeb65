"""The page that sets two runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from coherent_cxr.configuration import Settings
from coherent_cxr.evaluation.report.comparison.changes import changes, in_words
from coherent_cxr.evaluation.report.figures.curves import curves_figure
from coherent_cxr.evaluation.report.figures.svg import inline_svg
from coherent_cxr.evaluation.statistics.resamples import Resamples, why_not_paired
from coherent_cxr.pages.colours import system_colours
from coherent_cxr.pages.rendering import render


class CompareConfig(Settings):
    """Which two runs to compare.

    Attributes:
        first: MLflow run id, or the beginning of one; null: the last but one run with results.
        second: Likewise; null: the last run with results.
    """

    first: str | None
    second: str | None


class RecordedRun(NamedTuple):
    """What the tracking server knows of a run.

    Attributes:
        run_id: Its id.
        name: Its name.
        started: When it began, readable.
        summary: Headline metrics by system.
        parameters: Parameters by full name.
        digests: Digest of each dataset it made, by name.
        commit: Version of the code; empty if unknown.
        histories: Validation curves by stage or system.
        resamples: Resampled headline values; None if the run recorded none.
    """

    run_id: str
    name: str
    started: str
    summary: Mapping[str, Mapping[str, float | None]]
    parameters: Mapping[str, str]
    digests: Mapping[str, str]
    commit: str
    histories: Mapping[str, pd.DataFrame]
    resamples: Resamples | None = None


def comparison_page(first: RecordedRun, second: RecordedRun) -> str:
    """Write the page.

    Args:
        first: The run that counts as before.
        second: The run that counts as after.
    """
    histories = {
        f"{name} ({word})": history
        for word, run in (("first", first), ("second", second))
        for name, history in run.histories.items()
    }
    curves = (
        inline_svg(curves_figure(histories), "curves", "Validation curves of both runs") if histories else ""
    )
    metrics = list(dict.fromkeys(m for run in (first, second) for own in run.summary.values() for m in own))
    found = changes(first.summary, second.summary, first.resamples, second.resamples)
    pairs = [c.paired for own in found.values() for c in own.values() if c.paired]
    digests = unequal(first.digests, second.digests)
    return render(
        "coherent_cxr.evaluation.report.comparison",
        "comparison.html",
        colours=system_colours(found),
        labels_differ=bool({"chexpert_labels", "splits"} & digests.keys()),
        one_sided={
            "parameters": one_sided(_leaves(first.parameters), _leaves(second.parameters)),
            "datasets": one_sided(first.digests, second.digests),
        },
        runs=(first, second),
        metrics=metrics,
        changes=found,
        why_not_paired=why_not_paired(first.resamples, second.resamples),
        sentences=in_words(found, metrics),
        differing=sum(pair.significance != "same" for pair in pairs),
        parameters=unequal(_leaves(first.parameters), _leaves(second.parameters)),
        digests=digests,
        shared=sum(
            first.digests[name] == digest for name, digest in second.digests.items() if name in first.digests
        ),
        curves=curves,
    )


def _leaves(parameters: Mapping[str, str]) -> dict[str, str]:
    """Leave out sections whose settings are recorded one by one."""
    sections = {name.rpartition(".")[0] for name in parameters}
    return {name: value for name, value in parameters.items() if name not in sections}


def unequal(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what both sides have and is not the same, by name."""
    return {
        name: (first[name], second[name])
        for name in sorted(first.keys() & second.keys())
        if first[name] != second[name]
    }


def one_sided(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names that one side alone has: a run of fewer stages records fewer."""
    return {
        "first": sorted(first.keys() - second.keys()),
        "second": sorted(second.keys() - first.keys()),
    }
