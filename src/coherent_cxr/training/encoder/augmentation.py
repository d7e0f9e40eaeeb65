"""Random changes of training images that leave their labels as they are."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from coherent_cxr.configuration import Settings, ShareBelowOne


class AugmentationConfig(Settings):
    """How far an image may be changed; every image of a batch gets draws of its own.

    There are no flips: a mirrored chest has its heart on the wrong side.

    Attributes:
        shift: Largest move to each side, as a share of the image's side.
        scale: Largest change of size, as a share.
        rotation: Largest rotation in radians.
        brightness: Largest change of brightness, as a share of the range of grey levels.
        contrast: Largest change of contrast, as a share.
    """

    shift: Annotated[float, Field(ge=0, lt=0.5)]
    scale: Annotated[float, Field(ge=0, lt=0.5)]
    rotation: Annotated[float, Field(ge=0, lt=0.8)]
    brightness: ShareBelowOne
    contrast: ShareBelowOne


def augmented(images: Tensor, config: AugmentationConfig, generator: torch.Generator) -> Tensor:
    """Change every image at random.

    Args:
        images: Grey levels in 0..255, uint8 ``(batch, height, width)``.
        config: How far.
        generator: Source of randomness, on the images' device.

    Returns:
        Grey levels in 0..1, float ``(batch, height, width)``. What moves in from outside is black.
    """
    count, height, width = images.shape

    def draw(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator, device=images.device) * 2 - 1) * limit

    grey = images.float().div(255)
    shift_x, shift_y, scale, angle = (
        draw(2 * config.shift),  # affine_grid measures a side as -1..1
        draw(2 * config.shift),
        1 + draw(config.scale),
        draw(config.rotation),
    )
    brightness, contrast = draw(config.brightness), draw(config.contrast)
    if config.shift or config.scale or config.rotation:
        cosine, sine = angle.cos() * scale, angle.sin() * scale
        # (batch, 2, 3): where each new pixel is taken from
        matrix = torch.stack([cosine, -sine, shift_x, sine, cosine, shift_y], dim=1).view(count, 2, 3)
        grid = functional.affine_grid(matrix, [count, 1, height, width], align_corners=False)
        grey = functional.grid_sample(grey.unsqueeze(1), grid, align_corners=False).squeeze(1)
    if config.brightness or config.contrast:
        mean = grey.mean(dim=(1, 2), keepdim=True)
        grey = (grey - mean) * (1 + contrast).view(-1, 1, 1) + mean + brightness.view(-1, 1, 1)
        grey = grey.clamp(0, 1)
    return grey
