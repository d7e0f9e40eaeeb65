"""How fast the decoders train and write, against a step-by-step reference, and how much work is padding.

Run: python benchmarks/decoder.py [--corpus encoded_reports.parquet]

Without a corpus the reports have the lengths of Open-I's: 4.6 sentences of about 7 words. Every ratio
compares runs of the same process, on the same data, with the same number of threads; without a GPU, times are
processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from base_settings import PAPER, base_settings
from decoder_stepwise import stepwise_loss
from ratios import note

from coherent_cxr.inference.decoding import How, decode
from coherent_cxr.inference.samples import Samples, pad_reports
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.models.image_encoder.precision import encoder_autocast
from coherent_cxr.models.likelihood import stop_log_probabilities, word_log_probabilities
from coherent_cxr.models.packing import pack_tokens


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the smallest time of a few calls, after one to warm up.

    On a CPU it is processor time, which neighbours on the machine do not stretch; with a GPU it is wall time.
    """
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    work()
    times = []
    for _ in range(repeats):
        began = clock()
        work()
        times.append(clock() - began)
    return min(times)


def like_openi(count: int, vocabulary: int) -> list[list[list[int]]]:
    rng = np.random.default_rng(0)
    sentences = np.clip(rng.normal(4.6, 1.9, count).round(), 1, 8).astype(int)
    return [
        [
            rng.integers(4, vocabulary, round(float(np.clip(rng.gamma(3.2, 2.15), 1, 29)))).tolist()
            for _ in range(number)
        ]
        for number in sentences
    ]


def batch_of(reports: list[list[list[int]]], config: GeneratorConfig) -> TargetReports:
    padded = pad_reports(reports, config)
    samples = Samples([""] * len(reports), np.arange(len(reports)), padded)
    return samples.batch(np.arange(len(reports)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--regions", type=int, default=64, help="64 are those of a 256 pixel image")
    parser.add_argument("--vocabulary", type=int, default=1000)
    parser.add_argument("--write", type=int, default=256, help="reports to write")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    config = base_settings(GeneratorConfig, **PAPER)
    if chosen.corpus:
        sentences = pd.read_parquet(chosen.corpus)["sentences"]
        reports = [[list(s) for s in r] for r in sentences[: chosen.batch]]
    else:
        reports = like_openi(chosen.batch, chosen.vocabulary)
    batch = batch_of(reports, config)
    torch.manual_seed(0)
    regions = torch.randn(chosen.batch, chosen.regions, config.size)
    print(f"{torch.get_num_threads()} threads, batch of {chosen.batch}, {chosen.regions} regions\n")
    _padding(batch)
    for feedback in (False, True):
        torch.manual_seed(0)
        settings = base_settings(GeneratorConfig, **{**PAPER, "sentence_feedback": feedback})
        model = ReportGenerator(settings, chosen.vocabulary).train()
        print(f"\nsentence feedback: {feedback}")
        _training(model, regions, batch, chosen.repeats)
        _writing(model.eval(), chosen.write, chosen.regions, chosen.repeats)


def _padding(batch: TargetReports) -> None:
    layout = pack_tokens(batch.words, batch.sentences)
    words = len(layout.report)
    sentences = int(batch.sentences.sum())
    side_by_side = len(batch.sentences) * (int(layout.place.max()) + 1)
    print(f"{'padding':<52}{'cells':>9}{'of them words':>16}")
    for name, cells in (
        ("padded (reports, sentences, words)", batch.words.numel()),
        ("existing sentences, padded (sentences, words)", sentences * batch.words.shape[-1]),
        ("weighing regions here: a report's words side by side", side_by_side),
        ("everything else here: packed", words),
    ):
        print(f"{name:<52}{cells:>9}{words / cells:>16.1%}")


def _training(model: ReportGenerator, regions: torch.Tensor, batch: TargetReports, repeats: int) -> None:
    def fused() -> None:
        model.zero_grad()
        scored = model(regions, batch)
        (word_log_probabilities(scored).sum() + stop_log_probabilities(scored).sum()).backward()  # type: ignore[no-untyped-call]  # torch's

    def stepwise() -> None:
        model.zero_grad()
        words, stop = stepwise_loss(model, regions, batch)
        (words + stop).backward()  # type: ignore[no-untyped-call]  # torch's

    fast, slow = seconds(fused, repeats), seconds(stepwise, repeats)
    print(f"{'forward and backward, step by step':<52}{slow:>8.3f} s")
    print(f"{'forward and backward, without loops':<52}{fast:>8.3f} s{slow / fast:>9.1f} times as fast")
    feedback = " with sentence feedback" if model.config.sentence_feedback else ""
    note(f"decoders' step{feedback}, times as fast", slow / fast, "step by step", at_least=3)


def _writing(model: ReportGenerator, count: int, cells: int, repeats: int) -> None:
    config = model.config
    torch.manual_seed(1)
    regions = torch.randn(count, cells, config.size)
    backbone = Backbone().eval()
    side = 32 * round(cells**0.5)
    images = torch.randint(0, 256, (min(count, 64), side, side), dtype=torch.uint8)

    @torch.no_grad()
    def encode() -> None:
        with encoder_autocast("auto", torch.device("cpu")):
            backbone(images)

    encoding = seconds(encode, 1) * count / len(images)
    print(f"{f'encoding {count} images of {side} pixels':<52}{encoding:>8.3f} s")
    ways: tuple[tuple[How, int], ...] = (("greedy", 1), ("sample", 1), ("beam", 4))
    for how, beams in ways:
        took = seconds(lambda: decode(model, regions, how, torch.Generator(), beams=beams), repeats)  # noqa: B023
        name = f"writing {count} reports, {how}" + (f" of {beams}" if beams > 1 else "")
        print(f"{name:<52}{took:>8.3f} s{took / encoding:>9.2f} of the encoder's time")
        if not config.sentence_feedback:
            of_beams = f" of {beams}" if beams > 1 else ""
            note(f"decoding, {how}{of_beams}, of the time", took / encoding, "DenseNet-121 on the images")


if __name__ == "__main__":
    main()
