"""Inputs that several stages share."""

from __future__ import annotations

from typing import Final

TRAINING: Final = (
    *("image_store", "pretrained_encoder", "vocabulary"),
    *("encoded_reports", "findings", "chexpert_labels"),
)
"""What a generator is trained from, in the order of its node's arguments."""


def named(*same: str, **others: str) -> dict[str, str]:
    """Return the inputs of a node by its arguments: those called as the data are, then all others."""
    return dict(zip(same, same, strict=True)) | others
