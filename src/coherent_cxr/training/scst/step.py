"""One step of reinforcement fine-tuning: sample reports, estimate advantages, follow the policy gradient."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.inference.decoding import sample_reports, sample_reports_and_greedy
from coherent_cxr.inference.features import FeatureProvider
from coherent_cxr.inference.samples import Samples, to_device
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports, TeacherForced
from coherent_cxr.models.likelihood import likelihood_loss, report_log_probability
from coherent_cxr.reports.text import metric_text
from coherent_cxr.rewards import CiderD, Reports
from coherent_cxr.training.scst.advantage import AdvantageEstimator
from coherent_cxr.training.scst.config import RlFineTuningConfig
from coherent_cxr.training.scst.decisions import Decisions, decisions_of
from coherent_cxr.training.scst.guided import guide
from coherent_cxr.training.scst.kl import KlController, k3
from coherent_cxr.training.scst.policy_gradient import (
    as_sampled,
    clipped_loss,
    policy_gradient_loss,
    without_dropout,
    word_entropy,
)
from coherent_cxr.training.scst.preference import PreferenceWatch, preference_loss
from coherent_cxr.training.scst.telemetry import positive_shares, report_numbers
from coherent_cxr.training.validation import ReportReader, SampleReferences

HOST = torch.device("cpu")


class Rollout(NamedTuple):
    """Sampled reports of a part of a batch, and what stays the same while they are used.

    Attributes:
        sampled: The reports ``(reports, sentences, words)``.
        sampling: How they were sampled.
        advantage: Of each ``(reports,)``.
        sampled_with: log p of each decision when it was sampled ``(decisions,)``.
        before: log p of the measured reports' decisions under the starting model; None if none is measured.
    """

    sampled: TargetReports
    sampling: SamplingConfig
    advantage: Tensor
    sampled_with: Tensor
    before: Tensor | None


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
        kl: The weight of the distance to ``start`` in the loss.
        preference: Says when references are preferred over samples.
        rollouts: What the present step has sampled, by the step and the samples, for its further uses.
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
    kl: KlController
    preference: PreferenceWatch
    rollouts: dict[tuple[int, bytes], Rollout] = field(default_factory=dict)

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
        regions = self.regions_of(self.train.image_rows[chosen])
        several = regions.repeat_interleave(config.samples, dim=0) if config.samples > 1 else regions
        key = (step, chosen.tobytes())
        if (known := self.rollouts.get(key)) is not None:
            return self._again(known, chosen, regions, several)
        sampling = config.sampling(randomness)
        greedy = None
        if self.estimator.needs_greedy:
            sampled, greedy = sample_reports_and_greedy(model, regions, config.samples, sampling)
        else:
            sampled = sample_reports(model, several, sampling)
        sampled_here = to_device(sampled, HOST)
        edited = 0
        if config.guided.share > 0:
            sampled_here, edited = guide(
                sampled_here, self.train.batch(chosen), config.samples, config.guided.share, self.reader
            )
            sampled = to_device(sampled_here, several.device)
        greedy_here = None if greedy is None else to_device(greedy, HOST)
        # On an accelerator these passes run while the rewards are computed on the processor.
        scored = as_sampled(model(several, sampled), sampling)
        scored_before = self._before(chosen, sampled, sampling)
        likelihood = self._likelihood(chosen, regions)

        before_rewards = time.perf_counter()
        words = self.reader.texts(sampled_here)
        sampled_reports = self._reports(words)
        references = Reports([self.references.texts[i] for i in chosen], self.references.labels[chosen])
        judged = self.estimator.estimate(
            sampled_reports,
            None if greedy_here is None else self._reports(self.reader.texts(greedy_here)),
            references,
        )
        shares = positive_shares(sampled_reports.labels, references.labels)
        in_rewards = time.perf_counter() - before_rewards

        decisions = decisions_of(scored)
        before = None if scored_before is None else decisions_of(scored_before).log_probability
        advantage = torch.from_numpy(judged.advantage).to(decisions.log_probability.device)
        if config.sample_uses > 1:
            for old in [old for old in self.rollouts if old[0] != step]:
                del self.rollouts[old]
            sampled_with = decisions.log_probability.detach()
            self.rollouts[key] = Rollout(sampled, sampling, advantage, sampled_with, before)
        loss = policy_gradient_loss(decisions.per_report(len(several)), advantage)
        loss, numbers = self._regularised(loss, scored, decisions, before, likelihood)
        if self.preference.active and judged.spreadless.any():
            preferred = self._preference(chosen, regions, sampled, np.flatnonzero(judged.spreadless))
            loss = loss + config.preference.weight * preferred
            numbers["preference_loss"] = preferred.item()
        return loss, {
            **judged.numbers,
            **shares,
            **report_numbers(words),
            "advantage": float(judged.advantage.mean()),
            "advantage_spread": float(judged.advantage.std()),
            "labeller_hit_rate": self.reader.labeler.cache_statistics.hit_rate,
            "cider_hit_rate": self.cider.hits / max(self.cider.hits + self.cider.misses, 1),
            "reward_seconds": in_rewards,
            "clip_ratio": 0.0,
            "guided_reports": edited / len(chosen),
            **numbers,
        }

    def _again(
        self, rollout: Rollout, chosen: NDArray[np.int64], regions: Tensor, several: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss on reports that this step has sampled and used already."""
        scored = as_sampled(self.model(several, rollout.sampled), rollout.sampling)
        decisions = decisions_of(scored)
        clipped = clipped_loss(decisions, rollout.sampled_with, rollout.advantage, self.config.clip)
        likelihood = self._likelihood(chosen, regions)
        loss, numbers = self._regularised(clipped.loss, scored, decisions, rollout.before, likelihood)
        return loss, {**numbers, "clip_ratio": clipped.clip_ratio.item()}

    def _regularised(
        self,
        loss: Tensor,
        scored: TeacherForced,
        decisions: Decisions,
        before: Tensor | None,
        likelihood: Tensor,
    ) -> tuple[Tensor, dict[str, float]]:
        """Add the likelihood loss and the distance to the starting model, by their weights."""
        loss = loss + self.config.mle_loss_weight * likelihood
        numbers = {
            "entropy": word_entropy(scored).item(),
            "likelihood_loss": likelihood.item(),
            "preference_loss": 0.0,
            "kl_coefficient": self.kl.coefficient,
        }
        if before is not None:
            reports = self._measured(len(scored.stop_mask))
            measured = decisions.of_first(reports)
            distance = k3(measured.log_probability, before).sum() / reports
            numbers["kl"] = ((measured.log_probability.detach() - before).sum() / reports).item()
            numbers["kl_k3"] = distance.item()
            if self.kl.coefficient > 0:
                loss = loss + self.kl.coefficient * distance
        return loss, numbers

    def _preference(
        self, chosen: NDArray[np.int64], regions: Tensor, sampled: TargetReports, images: NDArray[np.int64]
    ) -> Tensor:
        """Return the preference of the references of some images over their first sampled reports."""
        first = torch.from_numpy(images * self.config.samples).to(regions.device)
        preferred = to_device(self.train.batch(chosen[images]), regions.device)
        other = TargetReports(*(part[first] for part in sampled))
        seen, seen_before = regions[first // self.config.samples], self._start_regions(chosen[images])

        def log_p(model: ReportGenerator, reports: TargetReports, regions: Tensor) -> Tensor:
            return report_log_probability(model(regions, reports), len(images))

        with torch.no_grad():
            before = (log_p(self.start, preferred, seen_before), log_p(self.start, other, seen_before))
        return preference_loss(
            log_p(self.model, preferred, seen),
            log_p(self.model, other, seen),
            *before,
            beta=self.config.preference.beta,
        )

    @torch.no_grad()
    def _start_regions(self, chosen: NDArray[np.int64]) -> Tensor:
        return self.start_regions_of(self.train.image_rows[chosen])

    def _reports(self, words: list[list[list[str]]]) -> Reports:
        texts = [metric_text(report) for report in words]
        by_text = dict(zip(texts, words, strict=True))
        return Reports(texts, lambda unique: self.reader.labels([by_text[text] for text in unique]))

    def _measured(self, reports: int) -> int:
        """Return on how many of the first sampled reports the distance to the starting model is measured."""
        images = reports // self.config.samples
        return int(np.ceil(self.config.kl_batch_fraction * images)) * self.config.samples

    @torch.no_grad()
    def _before(
        self, chosen: NDArray[np.int64], sampled: TargetReports, sampling: SamplingConfig
    ) -> TeacherForced | None:
        """Return the starting model's scores of the measured reports."""
        reports = self._measured(len(sampled.sentences))
        if reports == 0:
            return None
        rows = self.train.image_rows[chosen[: reports // self.config.samples]]
        regions = self.start_regions_of(rows).repeat_interleave(self.config.samples, dim=0)
        some = TargetReports(*(tensor[:reports] for tensor in sampled))
        return as_sampled(self.start(regions, some), sampling)

    def _likelihood(self, chosen: NDArray[np.int64], regions: Tensor) -> Tensor:
        """Return the likelihood loss of the first references of the batch, which has a random order."""
        count = int(np.ceil(self.config.mle_batch_fraction * len(chosen)))
        if self.config.mle_loss_weight == 0 or count == 0:
            return regions.new_zeros(())
        references = to_device(self.train.batch(chosen[:count]), regions.device)
        loss = likelihood_loss(self.model(regions[:count], references))
        return loss.words + loss.stop
