"""What it saves that freed memory is kept (coherent_cxr.runtime.memory), per training step of the encoder.

Run: python benchmarks/memory_kept.py [--size 224] [--batch 32] [--frozen 8] [--steps 6] [--repeats 3]

Both kinds run in processes of their own, in turn, on the threads there are. Times are by the clock, and those
of the system's own work, by processor.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from statistics import median

import torch
from ratios import note
from torch.nn import functional

from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.runtime.memory import keep_freed_memory
from coherent_cxr.training.encoder.freezing import freeze_up_to


def measure(size: int, batch: int, frozen: int, steps: int) -> tuple[float, float, float]:
    """Seconds of a step by the clock, of the system in it, and the peak of memory in gigabytes."""
    torch.manual_seed(0)
    model = LabelClassifier(14, Backbone("efficientnet_lite0")).train()
    freeze_up_to(model.backbone, frozen)
    optimizer = torch.optim.AdamW(model.parameters())
    images, targets = torch.rand(batch, size, size), torch.zeros(batch, 14)

    def step() -> None:
        optimizer.zero_grad()
        logits = model.classify(model.backbone(images))
        functional.binary_cross_entropy_with_logits(logits, targets).backward()  # type: ignore[no-untyped-call]  # torch's
        optimizer.step()

    for _ in range(2):
        step()
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(steps):
        step()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    return wall / steps, (after.ru_stime - before.ru_stime) / steps, after.ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--frozen", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", choices=("kept", "given back"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        if given.one == "kept":
            keep_freed_memory()
        print(json.dumps(measure(given.size, given.batch, given.frozen, given.steps)))
        return
    taken: dict[str, list[list[float]]] = {"given back": [], "kept": []}
    for _ in range(given.repeats):
        for kind, rows in taken.items():
            call = [sys.executable, __file__, *sys.argv[1:], "--one", kind]
            rows.append(json.loads(subprocess.run(call, capture_output=True, check=True).stdout))
    medians = {kind: [median(column) for column in zip(*rows, strict=True)] for kind, rows in taken.items()}
    for kind, (wall, system, peak) in medians.items():
        print(f"{kind:<12}{wall:>8.2f} s a step{system:>8.2f} s of the system{peak:>7.2f} GB")
    ratio = medians["kept"][0] / medians["given back"][0]
    note("encoder's step, freed memory kept, of the time", ratio, "given back", at_most=1.0)


if __name__ == "__main__":
    main()
