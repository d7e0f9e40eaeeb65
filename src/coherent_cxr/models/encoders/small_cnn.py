"""Five convolutions with random weights: for trials of the pipeline and tests, as an epoch takes a second."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor, nn

from coherent_cxr.models.encoders.architecture import Architecture

CHANNELS = (3, 8, 16, 32, 32, 64)


def build() -> nn.Module:
    """Make the network; each layer halves the side of its maps."""
    layers = nn.Sequential()
    for number, (before, after) in enumerate(pairwise(CHANNELS)):
        convolution = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers.add_module(f"layer{number}", nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU()))
    return layers


def _imagenet() -> Mapping[str, Tensor]:
    raise OSError("nobody has trained small_cnn on ImageNet; set the encoder's weights to 'none'")


ARCHITECTURE = Architecture(build, CHANNELS[-1], _imagenet)
