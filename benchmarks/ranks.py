"""How much faster two ranks take the same steps than one, each pinned to a core of its own.

Run: python benchmarks/ranks.py [--size 128] [--batch 32] [--steps 6] [--repeats 3] [--decoders]

Strong scaling of the whole likelihood step, encoder included: one rank computes the batch, two ranks (gloo)
half of it each, one thread a rank. With --decoders the encoder is frozen and image features are given, as the
demonstration trains. The kinds take turns.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from base_settings import base_settings
from decoder import batch_of, like_openi
from ratios import note
from torch import Tensor

from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import likelihood_loss
from coherent_cxr.runtime.distributed import current_world, run_in_ranks
from coherent_cxr.training.engine.loop import Loop

RANKS = 2
VOCABULARY = 1000
WARM_UP = 2


def seconds_per_step(size: int, batch: int, steps: int, decoders: bool) -> float:
    """Take steps of the training loop in this rank; return the median time of one, by the clock."""
    cores = sorted(os.sched_getaffinity(0))
    world = current_world()
    os.sched_setaffinity(0, {cores[world.rank % len(cores)]})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = base_settings(GeneratorConfig)
    model = ReportGenerator(config, VOCABULARY).train()
    model.encoder.backbone.requires_grad_(not decoders).eval()
    reports = batch_of(like_openi(batch, VOCABULARY), config)
    images = torch.rand(batch, size, size)
    with torch.no_grad():
        kept = model.encoder.backbone(images[:1]).repeat(batch, 1, 1)
    times: list[float] = []

    def train_step(
        step: int, chosen: np.ndarray, randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        features = kept[chosen] if decoders else model.encoder.backbone(images[chosen])
        own = TargetReports(*(tensor[chosen] for tensor in reports))
        parts_of_loss = likelihood_loss(model(model.encoder(features), own))
        return parts_of_loss.words + parts_of_loss.stop, {}

    def rate(step: int) -> float:
        times.append(time.perf_counter())
        return 1e-4

    with tempfile.TemporaryDirectory() as folder:
        Loop(
            name="ranks",
            model=model,
            optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad]),
            samples=batch,
            epochs=steps + WARM_UP + 1,
            batch_size=batch,
            seed=0,
            train_step=train_step,
            validate=dict,
            learning_rate=rate,
            checkpoints=Path(folder),
            checkpoint_every=None,
        ).run()
    os.sched_setaffinity(0, cores)
    return float(median(np.diff(times)[WARM_UP:]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--decoders", action="store_true")
    given = parser.parse_args()
    if len(os.sched_getaffinity(0)) < RANKS:
        sys.exit(f"This needs {RANKS} cores, and this process may use one only.")
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, sys.path))
    import ranks  # started ranks know this module by its name

    own = (given.size, given.batch, given.steps)
    times: dict[int, list[float]] = {1: [], RANKS: []}
    for _ in range(given.repeats):
        for count, taken in times.items():
            taken.append(run_in_ranks(ranks.seconds_per_step, count, *own, given.decoders))
    one, two = (median(taken) for taken in times.values())
    what = "decoders' step" if given.decoders else "whole step"
    sys.stdout.write(
        f"{what}, batch of {given.batch}, {given.size} pixels: one rank {one * 1000:.0f} ms, "
        f"two ranks {two * 1000:.0f} ms, {one / two:.2f} times as fast\n"
    )
    note(f"{what}, two ranks on two cores, times as fast", one / two, "one rank on one core", at_least=1.7)


if __name__ == "__main__":
    main()
