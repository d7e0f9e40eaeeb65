"""Telemetry of a reinforcement run, and when it counts as collapsed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveInt

from coherent_cxr.chexpert import OBSERVATIONS, POSITIVE
from coherent_cxr.chexpert.codes import DEFAULT_TYPES
from coherent_cxr.configuration import Settings, Share
from coherent_cxr.reports.repeats import repeat_rate
from coherent_cxr.training.engine.divergence import EndedEarlyError

logger = logging.getLogger(__name__)


class PolicyCollapsedError(EndedEarlyError):
    """The generator writes (almost) the same report for every image; the message says by which number."""


class CollapseConfig(Settings):
    """When a run counts as collapsed.

    Attributes:
        unique_reports: Smallest share of different reports among a step's samples.
        entropy: Smallest entropy of the next word, in nats.
        patience: Steps in a row below either threshold before it counts.
        stop: Whether to end the run and keep the weights that `select` chose, or without it those of the last
            validation; otherwise a warning is all.
    """

    unique_reports: Share
    entropy: NonNegativeFloat
    patience: PositiveInt
    stop: bool


class CollapseWatch:
    """Counts the steps in a row that fall below a threshold.

    Args:
        config: The thresholds.
        name: Name of the run, for the message.
    """

    def __init__(self, config: CollapseConfig, name: str) -> None:
        self._config = config
        self._name = name
        self._below = 0

    def observe(self, step: int, numbers: Mapping[str, float]) -> None:
        """Look at a whole step's ``unique_reports`` and ``entropy``; warn once per collapse.

        Raises:
            PolicyCollapsedError: If the run has collapsed and is to stop.
        """
        thresholds = {"unique_reports": self._config.unique_reports, "entropy": self._config.entropy}
        low = [
            f"{name} {numbers[name]:.3f} (threshold {threshold:g})"
            for name, threshold in thresholds.items()
            if numbers[name] < threshold
        ]
        self._below = self._below + 1 if low else 0
        if self._below != self._config.patience:
            return
        message = (
            f"{self._name} has collapsed at step {step}: {' and '.join(low)}, {self._config.patience} steps "
            "in a row. The sampled reports are nearly the same for every image, so rewards say little. Lower "
            "the learning rate, raise mle_loss_weight, or give the repetition and length rewards a weight."
        )
        if self._config.stop:
            raise PolicyCollapsedError(message)
        logger.warning(message)

    def state_dict(self) -> dict[str, Any]:
        """Return the count as JSON."""
        return {"below": self._below}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._below = int(state["below"])


def report_numbers(reports: Sequence[Sequence[Sequence[str]]]) -> dict[str, float]:
    """Describe sampled reports: length, number of sentences, variety and repetition.

    Args:
        reports: Words of each sentence of each report.
    """
    return {
        "words": float(np.mean([sum(map(len, report)) for report in reports])),
        "sentences": float(np.mean([len(report) for report in reports])),
        "unique_reports": len({str(report) for report in reports}) / len(reports),
        "repeat_rate": repeat_rate([list(map(list, report)) for report in reports]),
    }


def positive_shares(sampled: NDArray[np.int8], references: NDArray[np.int8]) -> dict[str, float]:
    """Return per observation the share of sampled reports, and of references, that are positive.

    Args:
        sampled: Label codes of sampled reports ``(reports, 14)``.
        references: Label codes of references ``(images, 14)``.
    """
    return {
        f"{kind}/{name}": float((codes[:, OBSERVATIONS.index(name)] == POSITIVE).mean())
        for kind, codes in (("positive_calls", sampled), ("positive_references", references))
        for name in DEFAULT_TYPES
    }
