"""Which number format an encoder trains faster in on this machine, by measurement."""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from coherent_cxr.models.image_encoder.backbone import LabelClassifier
from coherent_cxr.models.image_encoder.precision import encoder_autocast
from coherent_cxr.runtime.distributed import current_world
from coherent_cxr.runtime.provenance import processor
from coherent_cxr.storage.whole import written_whole

logger = logging.getLogger(__name__)

Format = Literal["fp32", "bf16"]
FORMATS: tuple[Format, ...] = ("fp32", "bf16")
IMAGES = 4
GAIN = 1.2
"""How many times as fast bfloat16 has to be: below that, chance would decide between two results."""
FILE = "precision.json"


def faster_format(
    model: LabelClassifier, frozen: Sequence[nn.Module], side: int, device: torch.device, folder: Path
) -> Format:
    """Time a training step in each number format once per encoder, side and machine, and keep the answer.

    Args:
        model: The classifier, on its device; it is left as it is.
        frozen: Its layers that do not learn.
        side: Side of the images in pixels.
        device: Where it is trained.
        folder: Where the answer is kept, so that a run that continues takes the same.

    Returns:
        The same format in every rank.
    """
    world = current_world()
    return world.from_leader(
        _known_or_measured(model, frozen, side, device, folder) if world.leads else "fp32"
    )


def choose(seconds: Mapping[Format, float]) -> Format:
    """Return bfloat16 only where it is clearly faster."""
    return "bf16" if seconds["fp32"] > GAIN * seconds["bf16"] else "fp32"


def _known_or_measured(
    model: LabelClassifier, frozen: Sequence[nn.Module], side: int, device: torch.device, folder: Path
) -> Format:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    place = f"{model.backbone.name}, {len(frozen)} layers frozen, {side} pixels, {name}"
    path = folder / FILE
    try:
        known: dict[str, dict[Format, float]] = json.loads(path.read_text(encoding="utf-8"))
        seconds = {form: float(known[place][form]) for form in FORMATS}
    except (OSError, ValueError, KeyError, TypeError):
        seconds = {form: _step_seconds(form, model, frozen, side, device) for form in FORMATS}
        with written_whole(path) as writing:
            writing.write_text(json.dumps({place: seconds}), encoding="utf-8")
    chosen = choose(seconds)
    logger.info(
        "precision auto: a training step of %d images takes %.2f s in float32 and %.2f s in bfloat16 on this "
        "machine; the encoder is trained in %s.",
        IMAGES,
        seconds["fp32"],
        seconds["bf16"],
        chosen,
    )
    return chosen


def _step_seconds(
    form: Format, model: LabelClassifier, frozen: Sequence[nn.Module], side: int, device: torch.device
) -> float:
    """Return the time of a step, after one in which libraries prepare theirs."""
    with torch.random.fork_rng():
        tried, still = copy.deepcopy((model, list(frozen)))
        tried.train()
        for layer in still:
            layer.eval()
        images = torch.zeros(IMAGES, side, side, dtype=torch.uint8, device=device)
        for _ in range(2):
            begin = time.perf_counter()
            with encoder_autocast(form, device):
                features = tried.backbone(images)
            tried.classify(features).sum().backward()  # type: ignore[no-untyped-call]  # torch's
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds = time.perf_counter() - begin
    return seconds
