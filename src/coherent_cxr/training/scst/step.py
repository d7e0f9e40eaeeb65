"""One step of reinforcement fine-tuning: sample reports, estimate advantages, follow the policy gradient."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.inference.decoding import sample_reports, sample_reports_and_greedy
from coherent_cxr.inference.features import FeatureProvider
from coherent_cxr.inference.samples import Samples, to_device
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import likelihood_loss, report_log_probability
from coherent_cxr.reports.text import metric_text
from coherent_cxr.rewards import CiderD, Reports
from coherent_cxr.training.scst.advantage import AdvantageEstimator
from coherent_cxr.training.scst.config import RlFineTuningConfig
from coherent_cxr.training.scst.policy_gradient import (
    as_sampled,
    policy_gradient_loss,
    without_dropout,
    word_entropy,
)
from coherent_cxr.training.scst.telemetry import report_numbers
from coherent_cxr.training.validation import ReportReader, SampleReferences

HOST = torch.device("cpu")


@dataclass(frozen=True)
class RlStep:
    """What a step needs; calling it gives the loss and the numbers of one batch.

    Attributes:
        config: The run's settings.
        model: Generator that learns.
        start: The model as it was, for the distance to it.
        regions_of: Image regions of rows of the store, with gradient, for ``model``.
        start_regions_of: The same for ``start``.
        train: Training samples.
        references: Their reference texts and labels.
        reader: Turns word ids into texts and labels.
        cider: CIDEr-D, for the hit rate of its references.
        estimator: Rewards and baselines.
    """

    config: RlFineTuningConfig
    model: ReportGenerator
    start: ReportGenerator
    regions_of: FeatureProvider
    start_regions_of: FeatureProvider
    train: Samples
    references: SampleReferences
    reader: ReportReader
    cider: CiderD
    estimator: AdvantageEstimator

    def __call__(
        self, step: int, chosen: NDArray[np.int64], randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss and the telemetry of one step.

        Args:
            step: Number of the step.
            chosen: Training samples of the batch.
            randomness: Source of randomness of this step.
        """
        config, model = self.config, self.model
        without_dropout(model)
        rows = self.train.image_rows[chosen]
        regions = self.regions_of(rows)
        several = regions.repeat_interleave(config.samples, dim=0) if config.samples > 1 else regions
        sampling = config.sampling(randomness)
        greedy = None
        if self.estimator.needs_greedy:
            sampled, greedy = sample_reports_and_greedy(model, regions, config.samples, sampling)
        else:
            sampled = sample_reports(model, several, sampling)
        sampled_here = to_device(sampled, HOST)
        greedy_here = None if greedy is None else to_device(greedy, HOST)
        # On an accelerator these passes run while the rewards are computed on the processor.
        scored = as_sampled(model(several, sampled), sampling)
        log_probability = report_log_probability(scored, len(several))
        distance = self._distance(rows, sampled, sampling, log_probability)
        likelihood = self._likelihood(chosen, regions)

        before_rewards = time.perf_counter()
        words = self.reader.texts(sampled_here)
        judged = self.estimator.estimate(
            self._reports(words),
            None if greedy_here is None else self._reports(self.reader.texts(greedy_here)),
            Reports([self.references.texts[i] for i in chosen], self.references.labels[chosen]),
        )
        in_rewards = time.perf_counter() - before_rewards

        advantage = torch.from_numpy(judged.advantage).to(log_probability.device)
        loss = policy_gradient_loss(log_probability, advantage) + config.mle_loss_weight * likelihood
        numbers = {
            **judged.numbers,
            **report_numbers(words),
            "advantage": float(judged.advantage.mean()),
            "advantage_spread": float(judged.advantage.std()),
            "entropy": word_entropy(scored).item(),
            "likelihood_loss": likelihood.item(),
            "labeller_hit_rate": self.reader.labeler.cache_statistics.hit_rate,
            "cider_hit_rate": self.cider.hits / max(self.cider.hits + self.cider.misses, 1),
            "reward_seconds": in_rewards,
        }
        if distance is not None:
            numbers["kl"] = distance.item()
        return loss, numbers

    def _reports(self, words: list[list[list[str]]]) -> Reports:
        texts = [metric_text(report) for report in words]
        by_text = dict(zip(texts, words, strict=True))
        return Reports(texts, lambda unique: self.reader.labels([by_text[text] for text in unique]))

    @torch.no_grad()
    def _distance(
        self,
        rows: NDArray[np.int64],
        sampled: TargetReports,
        sampling: SamplingConfig,
        log_probability: Tensor,
    ) -> Tensor | None:
        """Estimate KL(policy || starting model) in nats per report on the first reports of the batch."""
        images = int(np.ceil(self.config.kl_batch_fraction * len(rows)))
        if images == 0:
            return None
        reports = images * self.config.samples
        regions = self.start_regions_of(rows[:images]).repeat_interleave(self.config.samples, dim=0)
        some = TargetReports(*(tensor[:reports] for tensor in sampled))
        before = report_log_probability(as_sampled(self.start(regions, some), sampling), reports)
        return (log_probability[:reports] - before).mean()

    def _likelihood(self, chosen: NDArray[np.int64], regions: Tensor) -> Tensor:
        """Return the likelihood loss of the first references of the batch, which has a random order."""
        count = int(np.ceil(self.config.mle_batch_fraction * len(chosen)))
        if self.config.mle_loss_weight == 0 or count == 0:
            return regions.new_zeros(())
        references = to_device(self.train.batch(chosen[:count]), regions.device)
        loss = likelihood_loss(self.model(regions[:count], references))
        return loss.words + loss.stop
