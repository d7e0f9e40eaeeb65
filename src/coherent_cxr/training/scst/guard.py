"""Stops a run whose reports fall back on the normal report, and keeps the last good epoch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from coherent_cxr.configuration import Settings, Share
from coherent_cxr.training.scst.telemetry import PolicyCollapsedError

logger = logging.getLogger(__name__)


class GuardConfig(Settings):
    """What an epoch's greedy validation reports must keep; 0 switches a condition off.

    Attributes:
        min_positive_calls: Share of the MLE model's positive labels on the validation split.
        min_unique_reports: Share of different reports; where the MLE model has fewer, its own share.
    """

    min_positive_calls: Share
    min_unique_reports: Share


class Guard:
    """Compares every validation of a run with its first, which is that of the MLE model.

    Args:
        config: The conditions.
        name: Name of the run, for the message.
    """

    def __init__(self, config: GuardConfig, name: str) -> None:
        self._config = config
        self._name = name
        self._start: dict[str, float] | None = None

    def inspect(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Look at the numbers of a validation, before its weights can be kept.

        Args:
            epoch: Epoch they belong to; the first validation is that of the MLE model.
            numbers: ``positive_calls`` and ``unique_reports`` among them.

        Raises:
            PolicyCollapsedError: If a condition is broken.
        """
        now = {name: numbers[name] for name in ("positive_calls", "unique_reports")}
        if self._start is None:
            self._start = now
            return
        calls, unique = self._config.min_positive_calls, self._config.min_unique_reports
        broken = []
        if now["positive_calls"] < calls * self._start["positive_calls"]:
            broken.append(
                f"they affirm {now['positive_calls']:.0f} positive labels, those of the MLE model "
                f"{self._start['positive_calls']:.0f} (the least share allowed is {calls:g})"
            )
        least = min(unique, self._start["unique_reports"])
        if now["unique_reports"] < least:
            broken.append(
                f"the share of different reports is {now['unique_reports']:.3f}, that of the MLE model "
                f"{self._start['unique_reports']:.3f} (the least share allowed is {least:g})"
            )
        if not broken:
            return
        said = ", and ".join(broken)
        message = (
            f"{self._name} was stopped after epoch {epoch}: its reports on the validation split have "
            f"collapsed to the normal report: {said}. The best epoch before it is kept, or the MLE "
            "model where there is none, and it cannot become champion. Lower the learning rate, give "
            "kl.coefficient a value, or choose rewards that the normal report cannot win (docs/rewards.md)."
        )
        logger.warning(message)
        raise PolicyCollapsedError(message)

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers of the MLE model as JSON."""
        return {"start": self._start}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._start = state["start"]
