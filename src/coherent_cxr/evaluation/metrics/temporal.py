"""Temporal agreement: whether a report says the same of each finding's course since the study before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from coherent_cxr.chexpert.changes import CHANGES, Change, ChangeReader
from coherent_cxr.evaluation.metrics.measures import Array, Metric, SumMeasure, ratio

TEMPORAL: Final = "temporal F1"


def temporal_measure(
    reader: ChangeReader, reports: Sequence[str], references: Sequence[str]
) -> SumMeasure | None:
    """Return precision, recall and F1 over the pairs of finding and change that reports state.

    Args:
        reader: Reads changes.
        reports: Readable reports.
        references: Their references, readable.

    Returns:
        Micro over all pairs, and F1 of each change that a reference states; None where none states any, as in
        a corpus without earlier studies.
    """
    pairs = [
        (reader.read(report), reader.read(reference))
        for report, reference in zip(reports, references, strict=True)
    ]
    counts = np.array([_counts(*pair) for pair in pairs], dtype=np.float64).reshape(
        len(pairs), len(CHANGES), 3
    )
    of_references = counts[:, :, [0, 2]].sum(axis=(0, 2))
    if not of_references.any():
        return None
    stated = [place for place, count in enumerate(of_references) if count]
    metrics = [Metric(TEMPORAL), Metric("temporal precision"), Metric("temporal recall")]
    metrics += [Metric(f"{TEMPORAL}, {CHANGES[place]}") for place in stated]

    def finish(sums: Array) -> Array:
        table = sums.reshape(len(sums), len(CHANGES), 3)
        both, ours, theirs = (table.sum(axis=1)[:, i] for i in range(3))
        pooled = [
            ratio(2 * both, 2 * both + ours + theirs),
            ratio(both, both + ours),
            ratio(both, both + theirs),
        ]
        of_change = ratio(2 * table[..., 0], 2 * table[..., 0] + table[..., 1] + table[..., 2])
        return np.column_stack([*pooled, of_change[:, stated]])

    return SumMeasure(metrics, counts.reshape(len(pairs), -1), finish)


def _counts(ours: Collection[Change], theirs: Collection[Change]) -> list[tuple[int, int, int]]:
    """Return for each change how many pairs stand in both, in ours alone, in theirs alone."""
    of_change = [
        ({o for o, c in ours if c == change}, {o for o, c in theirs if c == change}) for change in CHANGES
    ]
    return [(len(a & b), len(a - b), len(b - a)) for a, b in of_change]
