"""Leading layers of an encoder that keep their starting weights.

Their maps are the largest, so they cost most of a training step, and what they see (edges, texture) transfers
from photographs to radiographs (Yosinski et al. 2014).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from coherent_cxr.models.image_encoder.backbone import Backbone

_SIDE = 64


def freeze_up_to(backbone: Backbone, stride: int) -> list[nn.Module]:
    """Exclude the leading layers from training.

    Args:
        backbone: The encoder, on any device.
        stride: The last stride whose layers are frozen; 0 freezes none.

    Returns:
        The frozen layers, in order. The caller puts them into evaluation mode, so that their batch
        normalisation keeps its statistics.
    """
    layers = _leading_layers(backbone, stride)
    for layer in layers:
        layer.requires_grad_(requires_grad=False)
    return layers


@torch.no_grad()
def _leading_layers(backbone: Backbone, stride: int) -> list[nn.Module]:
    training = backbone.training
    backbone.eval()
    maps = backbone.mean.new_zeros(1, 3, _SIDE, _SIDE)
    leading = []
    for layer in _in_order(backbone.features):
        maps = layer(maps)
        if maps.shape[-1] * stride < _SIDE:
            break
        leading.append(layer)
    backbone.train(training)
    return leading


def _in_order(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if type(child) is nn.Sequential:
            yield from _in_order(child)
        else:
            yield child
