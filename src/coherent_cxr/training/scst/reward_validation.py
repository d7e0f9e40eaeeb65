"""Whether a reinforcement run raised what it optimises, on the validation split and beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import bootstrap

from coherent_cxr.inference.decoding import sample_reports
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.text import metric_text
from coherent_cxr.rewards import Reports, WeightedReward
from coherent_cxr.training.validation import Validator

RESAMPLES = 2_000


class Gain(NamedTuple):
    """What a run did to its objective on the validation split.

    Attributes:
        before: Objective of the starting weights.
        after: Objective of the kept weights.
        low: Lower end of the 95 % interval of ``after - before``.
        high: Its upper end.
    """

    before: float
    after: float
    low: float
    high: float


@dataclass
class RewardValidator(Validator):
    """A validator that also computes a run's objective: the weighted sum of its rewards' objectives.

    For most rewards the objective is the mean reward of the greedy validation reports; for ``f_beta`` it is
    macro-F_beta over the split. Rewards see reports as decoded, as in training, so that a repeated sentence
    costs the same as there.

    Attributes:
        rewards: Rewards of the run.
        statistics: Each reward's statistics of the reports scored last ``(reports, numbers)``.
    """

    rewards: Sequence[WeightedReward] = field(kw_only=True)
    statistics: list[NDArray[np.float64]] = field(init=False, default_factory=list)

    def scores(self, reports: list[list[list[str]]]) -> dict[str, float]:
        """Score generated reports; the objective is ``reward``, each reward's own ``reward/<name>``."""
        references = Reports(self.references.texts, self.references.labels)
        generated = Reports([metric_text(report) for report in reports], self.reader.labels(reports))
        self.statistics = [reward.statistics(generated, references) for _, _, _, reward in self.rewards]
        means = [statistics.mean(axis=0) for statistics in self.statistics]
        each = {
            f"reward/{name}": float(reward.objective(mean))
            for (name, _, _, reward), mean in zip(self.rewards, means, strict=True)
        }
        return {**super().scores(reports), "reward": float(objective(self.rewards, means)), **each}

    @torch.no_grad()
    def drawn_statistics(
        self, model: ReportGenerator, sampling: SamplingConfig, draws: int
    ) -> list[NDArray[np.float64]]:
        """Compute the statistics of reports that are sampled as in training, which is what a run optimises.

        Args:
            model: The generator.
            sampling: How reports are sampled; its generator gives the randomness.
            draws: Reports per study, at least 1.

        Returns:
            Of each reward, the mean over a study's samples ``(studies, numbers)``.
        """
        model.eval()
        generated: list[list[list[str]]] = []
        for start in range(0, len(self.samples), self.batch_size):
            rows = self.samples.image_rows[start : start + self.batch_size]
            regions = self.regions_of(rows).repeat_interleave(draws, dim=0)
            generated += self.reader.texts(sample_reports(model, regions, sampling))
        drawn = Reports([metric_text(report) for report in generated], self.reader.labels(generated))
        reference_reports = Reports(self.references.texts, self.references.labels)
        repeated = reference_reports.of(np.repeat(np.arange(len(reference_reports)), draws))
        each = [reward.statistics(drawn, repeated) for _, _, _, reward in self.rewards]
        return [numbers.reshape(len(reference_reports), draws, -1).mean(axis=1) for numbers in each]


def objective(rewards: Sequence[WeightedReward], means: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the weighted sum of objectives ``(...)``, from mean statistics ``(..., numbers)``."""
    parts = [
        weight * reward.objective(mean) for (_, weight, _, reward), mean in zip(rewards, means, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0))


def gain(
    rewards: Sequence[WeightedReward],
    before: Sequence[NDArray[np.float64]],
    after: Sequence[NDArray[np.float64]],
    seed: int,
) -> Gain:
    """Compare the objective of two models on the same studies, by a paired bootstrap over studies.

    Args:
        rewards: Rewards of the run.
        before: Each reward's statistics of the starting weights' reports ``(studies, numbers)``.
        after: Those of the kept weights' reports.
        seed: Seed of the bootstrap.
    """

    def value(side: Sequence[NDArray[np.float64]], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        return objective(rewards, [statistics[chosen].mean(axis=-2) for statistics in side])

    def change(chosen: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:
        # chosen: (..., studies), the studies on the last axis
        return value(after, chosen) - value(before, chosen)

    everyone = np.arange(len(before[0]))
    old, new = float(value(before, everyone)), float(value(after, everyone))
    if len(everyone) < 2 or all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        return Gain(old, new, new - old, new - old)
    interval = bootstrap(
        (everyone,),
        change,
        n_resamples=RESAMPLES,
        batch=100,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Gain(old, new, float(interval.low), float(interval.high))
