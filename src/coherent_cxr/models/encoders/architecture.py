"""What every image encoder has in common, and how one is found by its name."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

EncoderName = str
"""The name of a module of this package, for example ``densenet121``."""

_HELPERS = ("architecture", "torchvision_models")


class Normalisation(NamedTuple):
    """How grey values in [0, 1] become the network's input: ``(grey - mean) / std``, per input channel."""

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The normalisation of torchvision's ImageNet weights."""


class Architecture(NamedTuple):
    """A convolutional network up to its last feature map.

    Attributes:
        build: Makes the network with random weights. It maps pixels ``(batch, 3, height, width)`` to features
            ``(batch, channels, height / stride, width / stride)``, none of them negative.
        channels: Channels of the last feature map.
        imagenet: Returns the state of ``build()`` after training on ImageNet. It may download a file; an
            OSError or ImportError says that the weights cannot be had.
        imagenet_normalisation: What the ImageNet weights expect.
        stride: Pixels per cell of the last feature map, on a side.
    """

    build: Callable[[], nn.Module]
    channels: int
    imagenet: Callable[[], Mapping[str, Tensor]]
    imagenet_normalisation: Normalisation = IMAGENET
    stride: int = 32


def encoder_names() -> list[str]:
    """Return the names of all encoders."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in modules if module.name not in _HELPERS)


def architecture(name: EncoderName) -> Architecture:
    """Return an encoder's architecture.

    Args:
        name: One of :func:`encoder_names`.

    Raises:
        ValueError: If there is no such encoder; the message lists those there are.
    """
    if name not in encoder_names():
        raise ValueError(
            f"There is no image encoder '{name[:60]}'. Name one of: {', '.join(encoder_names())}."
        )
    found: Architecture = import_module(f"coherent_cxr.models.encoders.{name}").ARCHITECTURE
    return found
