"""How time and memory grow with the amount of data, stage by stage, as one log-log figure.

Run: python benchmarks/growth_curves.py [--full] [--only STAGE ...] [--json FILE] [--figure FILE]

Reports are fabricated as in ``corpora_scale.py`` (hardly a sentence repeats, so no cache helps), images are
tiny PNG files in an archive, evaluations score twelve systems whose reports are made of real sentences of
Open-I, and training steps have batches of random image features. Each size runs in a process of its own.

Times are of processors, with those of started processes. A slope is that between the two largest sizes: 1 is
linear, and less means that a fixed cost still counts.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from bench import processor

SIZES: dict[str, tuple[list[int], list[int]]] = {
    "reports": ([1_000, 10_000, 100_000], [1_000_000]),
    "images": ([100, 1_000, 10_000], [100_000]),
    "evaluation": ([100, 1_000, 10_000], [100_000]),
    "training step": ([8, 16, 32, 64, 128, 256], []),
}
"""Sizes of each kind of data, and the further one of --full."""
SYSTEMS, RESAMPLES = 12, 1000
ROWS = 10_000
SIDE = 64


class Point(NamedTuple):
    """What one stage took at one size: seconds of processors and by the clock, bytes at the peak."""

    stage: str
    size: int
    processor: float
    seconds: float
    peak: int


def of_reports(count: int) -> Iterator[Point]:
    """Run the tabular stages on fabricated reports."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from corpora_scale import catalog_of, publish, run_stages

    with tempfile.TemporaryDirectory() as name:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # which takes its memory along
            pool.submit(publish, Path(name), count, False).result()
        for ran in run_stages(catalog_of(Path(name), repeating=False), ROWS):
            yield Point(ran.title, count, ran.processor, ran.seconds, ran.peak)


def of_images(count: int) -> Iterator[Point]:
    """Build an image store."""
    import pandas as pd
    from images_memory import Watch, image_id, publish

    from coherent_cxr.images.building import build_store
    from coherent_cxr.images.source import open_source

    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "images.tar")
        publish(path, count)
        ids = [image_id(number) for number in range(count)]
        studies = [f"{number:08d}" for number in range(count)]
        images = pd.DataFrame({"image_id": ids, "study_id": studies, "view": "frontal"})
        watch = Watch()
        watch.start()
        before, start = _used(), time.perf_counter()
        build_store(images, open_source(path), SIDE, Path(name, "work"))
        yield Point("image store", count, _used() - before, time.perf_counter() - start, watch.peak)


def of_evaluation(count: int) -> Iterator[Point]:
    """Score twelve systems on studies whose reports are made of real sentences."""
    from base_settings import base_settings
    from images_memory import Watch

    from coherent_cxr.chexpert import OBSERVATIONS
    from coherent_cxr.corpora.openi.loader import parse_openi
    from coherent_cxr.evaluation.config import EvaluationConfig
    from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table, score_systems
    from coherent_cxr.evaluation.systems import References, SystemOutput
    from coherent_cxr.reports.text import metric_text, tokenize_findings

    findings = parse_openi(None, None, None).studies["findings"].dropna()[:1_000]
    pool = [metric_text([sentence]) for text in findings for sentence in tokenize_findings(text).tokens]
    rng = np.random.default_rng(0)

    def texts() -> list[str]:
        rows = rng.integers(len(pool), size=(count, 5)).tolist()
        return [" ".join(pool[place] for place in row) for row in rows]

    def codes() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
        shape = (count, len(OBSERVATIONS))
        return {rules: rng.integers(0, 2, shape).astype(np.int8) for rules in ("corrected", "original")}

    studies = [f"S{number}" for number in range(count)]
    references = References(studies, studies, texts(), codes(), texts()[:10_000])
    outputs = [SystemOutput(f"system {number}", texts(), codes()) for number in range(SYSTEMS)]
    watch = Watch()
    watch.start()
    before, start = _used(), time.perf_counter()
    settings = base_settings(EvaluationConfig, resamples=RESAMPLES, meteor=False)
    scores = score_systems(settings, outputs, references)
    metrics_table(scores)
    comparisons_table(scores)
    yield Point("evaluation", count, _used() - before, time.perf_counter() - start, watch.peak)


def of_training_step(batch: int) -> Iterator[Point]:
    """Train the decoders on random image features."""
    import torch
    from base_settings import PAPER, base_settings
    from decoder import batch_of, like_openi

    from coherent_cxr.models.config import GeneratorConfig
    from coherent_cxr.models.generator import ReportGenerator
    from coherent_cxr.models.likelihood import likelihood_loss
    from coherent_cxr.runtime.distributed import training_device

    training_device()  # as a training begins: freed memory is kept
    repeats, vocabulary = 5, 1000
    torch.manual_seed(0)
    config = base_settings(GeneratorConfig, **PAPER)
    model = ReportGenerator(config, vocabulary).train()
    reports = batch_of(like_openi(batch, vocabulary), config)
    regions = torch.randn(batch, 49, config.size)

    def step() -> None:
        parts = likelihood_loss(model(regions, reports))
        (parts.words + parts.stop).backward()  # type: ignore[no-untyped-call]  # torch's

    step()
    before, start = _used(), time.perf_counter()
    for _ in range(repeats):
        step()
    took, ran = (_used() - before) / repeats, (time.perf_counter() - start) / repeats
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    yield Point("training step", batch, took, ran, peak)


MEASURE = {
    "reports": of_reports,
    "images": of_images,
    "evaluation": of_evaluation,
    "training step": of_training_step,
}


def _used() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def slope(points: list[Point]) -> float:
    """Return the slope between the two largest sizes in a log-log figure."""
    one, other = points[-2:]
    return math.log(other.processor / one.processor) / math.log(other.size / one.size)


def draw(stages: dict[str, list[Point]], file: Path) -> None:
    """Draw processor time and peak memory against size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    for name, points in stages.items():
        sizes = [point.size for point in points]
        label = f"{name} (slope {slope(points):.2f})" if len(points) > 1 else name
        time_axes.loglog(sizes, [point.processor for point in points], marker="o", label=label)
        memory_axes.loglog(sizes, [point.peak / 1e9 for point in points], marker="o", label=name)
    time_axes.set(xlabel="reports, images, studies, or batch", ylabel="processor time, s")
    memory_axes.set(xlabel="reports, images, studies, or batch", ylabel="peak memory, GB")
    time_axes.legend(fontsize="small")
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="also the largest sizes: about an hour")
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--sizes", type=int, nargs="+", help="other sizes than those above")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--one", choices=SIZES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        for point in MEASURE[chosen.one](*chosen.sizes):
            sys.stdout.write(json.dumps(point._asdict()) + "\n")
        return
    stages: dict[str, list[Point]] = defaultdict(list)
    for kind in chosen.only:
        small, large = SIZES[kind]
        for size in chosen.sizes or small + (large if chosen.full else []):
            sys.stderr.write(f"{kind}, {size:,} ...\n")
            command = [sys.executable, __file__, "--one", kind, "--sizes", str(size)]
            ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            for line in ended.stdout.splitlines():
                if line.startswith("{"):
                    point = Point(**json.loads(line))
                    stages[point.stage].append(point)
    sys.stdout.write(f"{processor()}, {time.strftime('%Y-%m-%d')}\n\n")
    sys.stdout.write("| stage | size: processor time, peak memory | slope |\n|---|---|---|\n")
    for name, points in stages.items():
        cells = [f"{p.size:,}: {p.processor:.3g} s, {p.peak / 1e9:.2f} GB" for p in points]
        grows = f"{slope(points):.2f}" if len(points) > 1 else ""
        sys.stdout.write(f"| {name} | {' · '.join(cells)} | {grows} |\n")
    if chosen.json:
        rows = [point._asdict() for points in stages.values() for point in points]
        kept = {"processor": processor(), "date": time.strftime("%Y-%m-%d"), "points": rows}
        chosen.json.write_text(json.dumps(kept, indent=2) + "\n")
    if chosen.figure:
        draw(stages, chosen.figure)


if __name__ == "__main__":
    main()
