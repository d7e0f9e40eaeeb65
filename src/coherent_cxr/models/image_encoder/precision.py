"""Which number format the encoder computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal

import torch

from coherent_cxr.runtime.memory import keep_freed_memory

Precision = Literal["auto", "fp32", "bf16"]


def encoder_autocast(precision: Precision, device: torch.device) -> AbstractContextManager[None]:
    """Return the autocast context of the encoder; the decoders always compute in float32.

    ``auto`` takes bfloat16 where the hardware has matrix units for it (recent GPUs, CPUs with AMX) and
    float32 elsewhere, where bfloat16 would be slower.
    """
    if device.type == "cpu":
        keep_freed_memory()
    enabled = computes_in(precision, device) == "bf16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def computes_in(precision: Precision, device: torch.device) -> Literal["fp32", "bf16"]:
    """Return the number format that ``auto`` means on a device; the others mean themselves."""
    if precision != "auto":
        return precision
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_amx_tile_supported()
    return "bf16" if fast else "fp32"
