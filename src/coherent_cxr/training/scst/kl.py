"""The distance to the likelihood-trained model as a term of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from coherent_cxr.configuration import Settings, require

RATE: Final = 0.1
"""Largest relative change of the coefficient in a step is this times :data:`FARTHEST`."""
FARTHEST: Final = 0.2


class KlConfig(Settings):
    """How strongly a run is held at the likelihood-trained model.

    Attributes:
        coefficient: Weight of the distance in the loss, per nat and report; 0: it is only measured.
        target: Nats per report that the coefficient is steered to, from ``coefficient`` on: it grows while
            the distance is above the target and falls while it is below (Ziegler et al. 2019, section 2.2);
            null: the coefficient stays.
    """

    coefficient: NonNegativeFloat
    target: PositiveFloat | None

    def check(self) -> None:
        """Refuse a target that no coefficient can be steered to."""
        right = "null where kl.coefficient is 0, from which no coefficient can grow"
        require(self.target is None or self.coefficient > 0, "rl_fine_tuning.kl.target", self.target, right)


class KlController:
    """The coefficient of a run; it moves by the numbers of whole steps only.

    Args:
        config: Where it starts, and its target.

    Attributes:
        coefficient: The weight of the distance now.
    """

    def __init__(self, config: KlConfig) -> None:
        self.coefficient: float = config.coefficient
        self._target = config.target

    def update(self, distance: float) -> None:
        """Steer the coefficient after a step whose distance was so many nats per report."""
        if self._target is not None:
            error = min(max(distance / self._target - 1, -FARTHEST), FARTHEST)
            self.coefficient *= 1 + RATE * error

    def state_dict(self) -> dict[str, Any]:
        """Return the coefficient as JSON."""
        return {"coefficient": self.coefficient}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.coefficient = float(state["coefficient"])


def k3(log_probability: Tensor, before: Tensor) -> Tensor:
    """Estimate KL(policy || starting model) at each sampled decision: r - log r - 1 with r = before / now.

    It is never negative, its mean is the KL divergence, and its variance is lower than that of -log r
    (Schulman 2020). As a term of the loss its expected gradient is that of KL(starting model || policy) at
    each decision.

    Args:
        log_probability: log p of each decision ``(decisions,)``, with gradient.
        before: The same of the starting model ``(decisions,)``.

    Returns:
        ``(decisions,)``, in nats.
    """
    log_ratio = before - log_probability
    return torch.expm1(log_ratio) - log_ratio
