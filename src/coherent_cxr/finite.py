"""Numbers that are not finite never become a report or a score."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class NonFiniteError(ValueError):
    """A model computed, or holds, numbers that are not finite; the message says which and what to do."""


def require_finite(values: Tensor, what: str) -> None:
    """Refuse numbers that are NaN or infinite.

    Args:
        values: Any shape; on a GPU this waits for their computation.
        what: What they are, beginning the message, in the plural.

    Raises:
        NonFiniteError: If one of them is not finite.
    """
    if not bool(torch.isfinite(values).all()):
        raise NonFiniteError(
            f"{what} are not all finite numbers (NaN or infinite), so no report can be written and nothing "
            "scored. The weights are damaged, or the training that made them has diverged: use another "
            "model, or train again with a lower learning rate."
        )


def require_finite_weights(weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are NaN or infinite.

    Args:
        weights: Tensors by parameter name.

    Raises:
        NonFiniteError: If a weight is not finite; the message names its parameter.
    """
    floats = {name: tensor.detach() for name, tensor in weights.items() if tensor.is_floating_point()}
    # A sum is not finite if one of its numbers is not, and is found at the speed of memory.
    if floats and not bool(
        torch.isfinite(torch.stack([t.sum(dtype=torch.float64) for t in floats.values()])).all()
    ):
        for name, tensor in floats.items():
            require_finite(tensor, f"The model's weights '{name}'")
