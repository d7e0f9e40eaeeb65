"""One training step of the image encoder: frozen leading layers and bfloat16, against all of it in float32.

Run: OMP_NUM_THREADS=2 python benchmarks/encoder_step.py [--encoder NAME] [--side 128] [--repeats 3]

Variants take turns within one process; medians of processor time are compared, which other programs on the
machine change less than wall time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from ratios import note
from torch import nn

from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.models.image_encoder.precision import Precision, encoder_autocast
from coherent_cxr.training.encoder.freezing import freeze_up_to

LABELS = 14


def make_step(
    encoder: str, stride: int, precision: Precision, images: torch.Tensor, compiled: bool = False
) -> Callable[[], None]:
    torch.manual_seed(0)
    model = LabelClassifier(LABELS, Backbone(encoder)).to(images.device)
    frozen = freeze_up_to(model.backbone, stride)
    if compiled:
        model.backbone.compile()
    optimizer = torch.optim.AdamW(weights for weights in model.parameters() if weights.requires_grad)
    targets = torch.zeros(len(images), LABELS, device=images.device)

    def step() -> None:
        model.train()
        for layer in frozen:
            layer.eval()
        optimizer.zero_grad()
        with encoder_autocast(precision, images.device):
            features = model.backbone(images)
        loss: torch.Tensor = nn.functional.binary_cross_entropy_with_logits(model.classify(features), targets)
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's
        optimizer.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="efficientnet_lite0")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    images = torch.randint(0, 256, (arguments.batch, arguments.side, arguments.side), dtype=torch.uint8)
    variants: list[tuple[int, Precision]] = [(0, "fp32"), (4, "fp32"), (8, "fp32"), (16, "fp32"), (0, "bf16")]
    steps = {variant: make_step(arguments.encoder, *variant, images) for variant in variants}
    spent: dict[tuple[int, Precision], list[float]] = {variant: [] for variant in variants}
    for repeat in range(arguments.repeats + 1):
        for variant, step in steps.items():
            begin = time.process_time()
            step()
            if repeat:  # the first round allocates
                spent[variant].append(time.process_time() - begin)
    whole = median(spent[variants[0]])
    print(
        "| frozen up to stride | number format | processor, s | of all layers in float32 |\n|---|---|---|---|"
    )
    for (stride, precision), times in spent.items():
        print(f"| {stride or 'none'} | {precision} | {median(times):.2f} | {median(times) / whole:.2f} |")
        if (stride, precision) != variants[0]:
            what = f"step, frozen up to stride {stride or 'none'}, {precision}, of the time"
            note(what, median(times) / whole, "all layers in float32")


if __name__ == "__main__":
    main()
