"""Encoders that torchvision defines: its ``features`` part, and its ImageNet weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from coherent_cxr.models.encoders.architecture import Architecture


def torchvision_architecture(name: str, channels: int) -> Architecture:
    """Describe a torchvision classifier with a part called ``features``.

    Args:
        name: torchvision's name of the model.
        channels: Channels of its last feature map.
    """

    def build() -> nn.Module:
        return with_relu(get_model(name).features)

    def imagenet() -> Mapping[str, Tensor]:
        # the oldest weights: the recipe of the later ones trains for other augmentation and sizes
        weights = next(iter(get_model_weights(name)))
        state: Mapping[str, Tensor] = get_model(name, weights=weights).features.state_dict()
        return state

    return Architecture(build, channels, imagenet)


def with_relu(features: nn.Sequential) -> nn.Sequential:
    """Append a ReLU, so that regions are never negative; it has no weights, so names stay as they are."""
    features.add_module("relu_last", nn.ReLU())
    return features
