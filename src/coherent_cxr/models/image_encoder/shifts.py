"""Test-time averaging: an image is scored together with slightly shifted copies of itself."""

from __future__ import annotations

from torch import Tensor, nn

from coherent_cxr.models.image_encoder.backbone import LabelClassifier

DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Rows and columns that each copy moves by, in units of ``SHARE``."""
SHARE = 0.04
"""Length of a move, as a share of the image's side."""


def shifted_copies(images: Tensor, count: int) -> list[Tensor]:
    """Return copies of images, each moved in its own direction; what moves in is black.

    Args:
        images: Grey levels, uint8 ``(batch, height, width)``.
        count: Copies, at most eight.
    """
    height, width = images.shape[1:]
    step = max(1, round(SHARE * width))
    padded = nn.functional.pad(images, [step] * 4)
    return [
        padded[:, step * (1 + down) : step * (1 + down) + height, step * (1 + right) :][..., :width]
        for down, right in DIRECTIONS[:count]
    ]


def average_logits(classifier: LabelClassifier, images: Tensor, own: Tensor, shifts: int) -> Tensor:
    """Average the logits of images and of their shifted copies.

    Args:
        classifier: In evaluation mode.
        images: uint8 ``(batch, height, width)``.
        own: Logits of the images themselves ``(batch, labels)``.
        shifts: Copies of each image; 0 returns ``own``.

    Returns:
        ``(batch, labels)``.
    """
    total = own
    for copy in shifted_copies(images, shifts):
        total = total + classifier(copy)
    return total / (shifts + 1)
