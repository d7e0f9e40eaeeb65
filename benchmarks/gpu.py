"""Every check that needs a GPU, in one table: speed of encoders, share of decoders, parity with the CPU.

Run: python benchmarks/gpu.py [--device cpu --quick]

`--device cpu --quick` is a dry run that shows that the script works where there is no GPU; its numbers mean
nothing. On one card everything takes a few minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import torch
from base_settings import PAPER, base_settings
from bench import ratios_of
from encoder_step import make_step

from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.encoders import encoder_names
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.precision import Precision

VOCABULARY = 1000
Row = tuple[str, str]


def seconds(step: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the median time of a step, after two that warm up."""
    times = []
    for repeat in range(repeats + 2):
        began = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if repeat > 1:
            times.append(time.perf_counter() - began)
    return median(times)


def encoders(device: torch.device, side: int, batch: int, repeats: int) -> Iterator[Row]:
    """Training steps of every encoder, in float32 and bfloat16, and compiled."""
    images = torch.randint(0, 256, (batch, side, side), dtype=torch.uint8, device=device)
    for encoder in encoder_names():
        took: dict[str, float] = {}
        variants: list[tuple[str, Precision, bool]] = [("fp32", "fp32", False), ("bf16", "bf16", False)]
        if device.type == "cuda":
            variants.append(("bf16, compiled", "bf16", True))
        for name, precision, compiled in variants:
            took[name] = seconds(make_step(encoder, 0, precision, images, compiled), device, repeats)
        speeds = ", ".join(f"{name} {batch / s:,.0f}" for name, s in took.items())
        yield f"{encoder}, training at {side} pixels, images/s", speeds


@torch.no_grad()
def parity(device: torch.device, side: int, count: int) -> Iterator[Row]:
    """Greedy reports of the same weights and images here and on the CPU."""
    torch.manual_seed(0)
    model = ReportGenerator(base_settings(GeneratorConfig, **PAPER), VOCABULARY).eval()
    images = torch.randint(0, 256, (count, side, side), dtype=torch.uint8)
    reports = []
    for place in (torch.device("cpu"), device):
        model.to(place)
        regions = model.encoder(model.encoder.backbone(images.to(place)))
        reports.append(word_ids(decode(model, regions).reports))
    same = sum(ours == theirs for ours, theirs in zip(*reports, strict=True))
    yield "greedy reports equal to the CPU's", f"{same} of {count}"


def steps() -> Iterator[Row]:
    """The whole step beside the encoder's, and reinforcement beside likelihood, on a GPU if there is one."""
    arguments = {
        "training_step": ["--size", "256", "--batch", "64"],
        "rl_step": ["--warm-up", "40", "--steps", "8"],
    }
    for name, given in arguments.items():
        rows, error = ratios_of(name, given)
        for row in rows:
            yield f"{row['what']}, against {row['rival']}", f"{row['ratio']:.2f}"
        if error:
            yield name, f"failed: {error}"


def tests() -> Iterator[Row]:
    """The tests that are marked `gpu`."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "--tb=line"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    yield "pytest -m gpu", (ended.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, for a dry run")
    given = parser.parse_args()
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch sees no GPU here. For a dry run: python benchmarks/gpu.py --device cpu --quick")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU, a dry run"
    sys.stdout.write(f"{name}, PyTorch {torch.__version__}\n\n| check | result |\n|---|---|\n")
    side, batch, repeats, count = (32, 2, 1, 2) if given.quick else (256, 64, 10, 64)
    parts: list[Iterator[Row]] = [encoders(device, side, batch, repeats), parity(device, side, count)]
    if not given.quick:
        parts += [steps(), tests()]
    for part in parts:
        for check, result in part:
            sys.stdout.write(f"| {check} | {result} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
