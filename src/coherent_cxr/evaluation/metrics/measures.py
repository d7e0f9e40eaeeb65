"""What a measure is: numbers per study, whose weighted sums give the metric for any resample of studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Metric(NamedTuple):
    """Full name of one number.

    Attributes:
        name: What is measured: ``BLEU-4``, ``F1``, ...
        labels: Which labels: one observation, or a set of them (``14 labels``); empty for language.
        average: How labels are joined: ``micro``, ``macro``, ``example``; empty for a single label.
        uncertain: What an uncertain label counts as; empty where that makes no difference.
        rules: Rule set of the labeller that judged; empty where no labels are involved.
    """

    name: str
    labels: str = ""
    average: str = ""
    uncertain: str = ""
    rules: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in self if part)


class Measure(Protocol):
    """Computes some metrics for many weightings of the studies at once."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """Names of the metrics."""
        ...

    @property
    def centred(self) -> bool:
        """Whether resampled values are moved so that the measured value is their mean."""
        ...

    def values(self, weights: Array) -> Array:
        """Return the metrics for each weighting.

        Args:
            weights: How often each study counts ``(weightings, studies)``.

        Returns:
            ``(weightings, metrics)``; NaN where a metric is not defined.
        """
        ...


@dataclass(frozen=True)
class SumMeasure:
    """Metrics that follow from sums over studies (counts, scores): exact for every weighting, in one product.

    Attributes:
        metrics: Names of the metrics.
        statistics: Sufficient statistics of each study ``(studies, statistics)``, in as small a type as holds
            them.
        finish: Turns sums ``(weightings, statistics)`` into metrics ``(weightings, metrics)``.
        centred: Whether resampled values are moved so that the measured value is their mean.
    """

    metrics: Sequence[Metric]
    statistics: NDArray[np.float64 | np.int64 | np.uint8]
    finish: Callable[[Array], Array]
    centred: bool = False

    def values(self, weights: Array) -> Array:
        """Return the metrics for each weighting of the studies."""
        return self.finish(weights @ self.statistics.astype(np.float64, copy=False))


@dataclass(frozen=True)
class Renamed:
    """A measure with a suffix added to the names of its metrics."""

    measure: Measure
    addition: str

    @property
    def metrics(self) -> Sequence[Metric]:
        """Names of the metrics."""
        return [metric._replace(name=f"{metric.name}, {self.addition}") for metric in self.measure.metrics]

    @property
    def centred(self) -> bool:
        """As of the measure."""
        return self.measure.centred

    def values(self, weights: Array) -> Array:
        """As of the measure."""
        return self.measure.values(weights)


def mean_measure(metrics: Sequence[Metric], scores: Array) -> SumMeasure:
    """Return a measure of means over studies.

    Args:
        metrics: Names, one per column.
        scores: Score of each study ``(studies, metrics)``.
    """
    counted = np.column_stack([scores, np.ones(len(scores))])
    return SumMeasure(metrics, counted, lambda sums: ratio(sums[:, :-1], sums[:, -1:]))


def ratio(above: Array, below: Array) -> Array:
    """Divide, with 0 where the divisor is 0 (scikit-learn's ``zero_division=0``)."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below != 0)
