"""How long a reinforcement step takes beside a likelihood step of equal batch, and what rewards take of it.

Real Open-I reports from the ``torchxrayvision`` package, image features at random (a step costs the same
whatever they hold), the generator of the paper's size. After some likelihood steps, so that sampled reports
have the length of real ones, both kinds of step are timed in turn, on a processor in process time::

    OMP_NUM_THREADS=1 python benchmarks/rl_step.py [--batch N] [--samples N] [--warm-up N] [--steps N]
        [--sentence-feedback] [--end-to-end PIXELS]

With several samples per image, the reinforcement step takes fewer images, so that both kinds of step learn
from the same number of reports. In the paper likelihood training is end to end: --end-to-end lets that step
compute and train DenseNet-121 on images, while reinforcement, as in every environment, reads features.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from base_settings import PAPER, base_settings
from numpy.typing import NDArray
from ratios import note
from torch import Tensor

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports
from coherent_cxr.inference.samples import Samples, pad_reports
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.encoders import architecture
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.findings import FindingsExtractionConfig, extract_findings
from coherent_cxr.reports.text import metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD, RewardConfig, RewardContext, build_rewards, label_codes
from coherent_cxr.runtime.distributed import training_device
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.step import MleStep
from coherent_cxr.training.scst.advantage import AdvantageEstimator
from coherent_cxr.training.scst.config import RlFineTuningConfig
from coherent_cxr.training.scst.kl import KlController
from coherent_cxr.training.scst.preference import PreferenceWatch
from coherent_cxr.training.scst.step import RlStep
from coherent_cxr.training.validation import ReportReader, SampleReferences

REGIONS = 16
SYSTEMS: Mapping[str, Mapping[str, float]] = {
    "nlg": {"cider": 1.0},
    "ccr": {"ccr": 1.0},
    "full": {"cider": 1.0, "ccr": 10.0},
}
Step = Callable[[int, NDArray[np.int64], torch.Generator], tuple[Tensor, Mapping[str, float]]]


def take(step: Step, number: int, chosen: NDArray[np.int64], optimizer: torch.optim.Optimizer) -> float:
    """Seconds of one whole step, the optimiser's part included."""
    device = optimizer.param_groups[0]["params"][0].device
    randomness = torch.Generator(device).manual_seed(number)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    begin = clock()
    optimizer.zero_grad(set_to_none=True)
    loss, numbers = step(number, chosen, randomness)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = clock() - begin
    last.update(numbers)
    return seconds


last: dict[str, float] = {}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--samples", type=int, default=1)
    options.add_argument("--warm-up", type=int, default=80)
    options.add_argument("--steps", type=int, default=12)
    options.add_argument("--sentence-feedback", action="store_true")
    options.add_argument("--end-to-end", type=int, metavar="PIXELS")
    given = options.parse_args()
    torch.manual_seed(0)
    device = training_device()
    findings, _ = extract_findings(
        base_settings(FindingsExtractionConfig), parse_reports(base_settings(ReportParsingConfig)).studies
    )
    tokens = findings["tokens"].tolist()
    vocabulary = Vocabulary.from_reports(tokens, 3)
    config = base_settings(GeneratorConfig, **{**PAPER, "sentence_feedback": given.sentence_feedback})
    encoded = [[vocabulary.encode(sentence) for sentence in report] for report in tokens]
    samples = Samples(findings["study_id"].tolist(), np.arange(len(tokens)), pad_reports(encoded, config))
    labeler = CheXpertLabeler("corrected")
    texts = [metric_text(report) for report in tokens]
    references = SampleReferences(texts, label_codes(labeler.label_many(findings["text"]), OBSERVATIONS))
    cider = CiderD.from_corpus(texts)
    model, start = (ReportGenerator(config, len(vocabulary)).to(device) for _ in range(2))
    features = torch.rand(512, REGIONS, architecture("densenet121").channels, device=device)

    def regions_of(rows: NDArray[np.int64]) -> Tensor:
        regions: Tensor = model.encoder(features[torch.from_numpy(rows % 512).to(device)])
        return regions

    def trained_regions_of(rows: NDArray[np.int64]) -> Tensor:
        size = given.end_to_end
        images = torch.randint(0, 256, (len(rows), size, size), dtype=torch.uint8, device=device)
        regions: Tensor = model.encoder(model.encoder.backbone(images))
        return regions

    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    weights = torch.ones(samples.reports.words.shape[:2])
    shipped = base_settings(MleTrainingConfig)
    mle = MleStep(shipped, model, samples, regions_of, weights)
    end_to_end = MleStep(shipped, model, samples, trained_regions_of, weights) if given.end_to_end else mle
    dice = np.random.default_rng(0)
    batches = [dice.choice(len(samples), given.batch, replace=False) for _ in range(given.steps)]
    for number in range(given.warm_up):
        take(mle, number, dice.choice(len(samples), given.batch, replace=False), optimizer)
    for group in optimizer.param_groups:
        group["lr"] = 1e-6

    steps: dict[str, Step] = {"MLE": end_to_end}
    for system, shares in SYSTEMS.items():
        rewards = {name: RewardConfig(weight=weight, baseline="greedy") for name, weight in shares.items()}
        run = base_settings(
            RlFineTuningConfig, system=system, rewards=rewards, samples=given.samples, temperature=1.0
        )
        built = build_rewards(rewards, RewardContext(cider, references.labels))
        steps[f"RL {system}"] = RlStep(
            config=run,
            model=model,
            start=start,
            regions_of=regions_of,
            start_regions_of=regions_of,
            train=samples,
            references=references,
            reader=ReportReader(vocabulary, labeler),
            cider=cider,
            estimator=AdvantageEstimator(built, run.gamma, run.samples),
            kl=KlController(run.kl),
            preference=PreferenceWatch(run.preference),
        )
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    in_rewards: dict[str, list[float]] = {name: [] for name in steps}
    for number, chosen in enumerate(batches):
        for name, step in steps.items():
            last.clear()
            images = chosen if name == "MLE" else chosen[: len(chosen) // given.samples]
            seconds[name].append(take(step, number, images, optimizer))
            in_rewards[name].append(last.get("reward_seconds", 0.0))
    sys.stdout.write(
        f"{given.batch} reports a step, {given.samples} per image in RL, "
        f"{last['words']:.0f} words in {last['sentences']:.1f} sentences "
        f"sampled, {device}, {torch.get_num_threads()} threads, medians of {given.steps} steps\n\n"
        "| step | ms | ratio to MLE | ms in rewards | share of the step |\n|---|---|---|---|---|\n"
    )
    baseline = float(np.median(seconds["MLE"]))
    for name in steps:
        whole, part = float(np.median(seconds[name])), float(np.median(in_rewards[name]))
        shown = f"{1e3 * whole:.0f} | {whole / baseline:.2f} | {1e3 * part:.1f} | {part / whole:.1%}"
        sys.stdout.write(f"| {name} | {shown} |\n")
        if name != "MLE":
            note(f"{name} step, of the time", whole / baseline, "MLE step of equal batch", at_most=1.5)
            note(f"{name}, rewards, of the step's time", part / whole, "the whole step", at_most=0.03)
    statistics = labeler.cache_statistics
    asked = cider.hits + cider.misses
    sys.stdout.write(
        f"\nlabeller: {statistics.hit_rate:.1%} of {statistics.hits + statistics.misses} sentences known; "
        f"CIDEr-D: {cider.hits / asked:.1%} of {asked} references known\n"
    )


if __name__ == "__main__":
    main()
