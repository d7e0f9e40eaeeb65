"""A preference of the reference over a sampled report, where samples of an image all earn the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from coherent_cxr.configuration import Settings, Share

DECAY: Final = 0.9
"""Of the moving average over steps."""


class PreferenceConfig(Settings):
    """When and how strongly references are preferred.

    Attributes:
        weight: Weight of the preference in the loss; 0: never.
        beta: How strongly the distance to the MLE model counts (Rafailov et al. 2023, eq. 7).
        above: Moving share of images whose samples all earn the same, above which steps have the preference.
    """

    weight: NonNegativeFloat
    beta: PositiveFloat
    above: Share


class PreferenceWatch:
    """Decides by the numbers of whole steps whether the next one has the preference.

    Args:
        config: The limit.
    """

    def __init__(self, config: PreferenceConfig) -> None:
        self._config = config
        self._share: float | None = None

    @property
    def active(self) -> bool:
        """Whether the next step has the preference."""
        return self._config.weight > 0 and self._share is not None and self._share > self._config.above

    def update(self, share: float) -> None:
        """Update the moving share with a step's share of images without spread."""
        self._share = share if self._share is None else DECAY * self._share + (1 - DECAY) * share

    def state_dict(self) -> dict[str, Any]:
        """Return the moving share as JSON."""
        return {"share": self._share}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._share = state["share"]


def preference_loss(
    preferred: Tensor, other: Tensor, preferred_before: Tensor, other_before: Tensor, beta: float
) -> Tensor:
    """Return the loss of direct preference optimisation (Rafailov et al. 2023, eq. 7), a mean.

    Args:
        preferred: log p of the preferred reports ``(pairs,)``, with gradient.
        other: log p of the others ``(pairs,)``, with gradient.
        preferred_before: log p of the preferred ones by the starting model ``(pairs,)``.
        other_before: log p of the others by the starting model ``(pairs,)``.
        beta: How strongly the distance to the starting model counts.
    """
    margin = (preferred - preferred_before) - (other - other_before)
    return -nn.functional.logsigmoid(beta * margin).mean()
