"""Settings of a reinforcement run."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from coherent_cxr.configuration import AtOnce, Settings, Share, ShareBelowOne, require
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.image_encoder.precision import Precision
from coherent_cxr.rewards import RewardConfig
from coherent_cxr.training.scst.advantage import GroupScale
from coherent_cxr.training.scst.guard import GuardConfig
from coherent_cxr.training.scst.guided import GuidedConfig
from coherent_cxr.training.scst.kl import KlConfig
from coherent_cxr.training.scst.policy_gradient import ClipConfig
from coherent_cxr.training.scst.preference import PreferenceConfig
from coherent_cxr.training.scst.telemetry import CollapseConfig

SELECTED = ("reward", "macro_f1", "cider", "ccr", "likelihood")
"""Validation numbers that can choose an epoch, beside each reward's own."""


class RlFineTuningConfig(Settings):
    """One reinforcement run; the shipped systems differ in their rewards and epochs.

    Attributes:
        system: Name of the system: ``nlg``, ``ccr``, ``full`` or ``full_fbeta``.
        rewards: Rewards by name; the ratio of two weights is the paper's lambda. A weight of 0 only shows.
        gamma: Decay of moving-average baselines, eq. (2).
        samples: Reports sampled per image; ``leave_one_out`` and ``group`` need two or more.
        group_scale: What ``group`` advantages are divided by: ``std``, as in GRPO, or ``none``.
        sample_uses: Optimiser steps on each batch of sampled reports.
        clip: Limits of the ratio of a decision's probabilities, now to when sampled, for ``sample_uses`` > 1.
        temperature: Sampling: logits are divided by it.
        top_k: Sampling: only this many likeliest words; 0 for all.
        top_p: Sampling: only the likeliest words that reach this probability together.
        mle_loss_weight: Weight of the likelihood loss that stays, which keeps the language intact.
        mle_batch_fraction: Share of a batch the likelihood loss is computed on; the rest costs no time.
        guided: Sampled reports that are edited towards their references.
        preference: A preference of references over sampled reports, where samples have no spread.
        kl: The distance to the MLE model as a term of the loss.
        kl_batch_fraction: Share of a batch that distance is measured on; 0 measures nothing.
        epochs: Passes over the training samples.
        batch_size: Images per step.
        learning_rate: Adam's learning rate.
        decay: Whether the learning rate falls to zero over the run, in a straight line.
        clip_gradient: Largest norm of the gradient.
        accumulate: Parts that a process computes its share of a batch in, to save memory.
        processes: Training processes started on this machine, one per GPU where there are any.
        select: Validation number whose best epoch is kept (the MLE model competes); None keeps the last.
        validation_samples: Reports sampled per validation study, before the run and after it, to tell whether
            it raised the mean reward of sampled reports, which is what it optimises; 0 samples none.
        checkpoint_every: Seconds between checkpoints within an epoch; None: after each epoch only.
        collapse: When a run counts as collapsed by its sampled reports, and what follows.
        guard: When an epoch counts as collapsed by its validation reports, which ends the run.
        precision: Number format of the encoder, which stays frozen.
        seed: Seed of order and sampling.
        checkpoint_folder: Where checkpoints and cached features are kept.
    """

    system: str
    rewards: dict[str, RewardConfig]
    gamma: ShareBelowOne
    samples: PositiveInt
    group_scale: GroupScale
    sample_uses: PositiveInt
    clip: ClipConfig
    temperature: PositiveFloat
    top_k: NonNegativeInt
    top_p: Annotated[float, Field(gt=0, le=1)]
    mle_loss_weight: NonNegativeFloat
    mle_batch_fraction: Share
    guided: GuidedConfig
    preference: PreferenceConfig
    kl: KlConfig
    kl_batch_fraction: Share
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    decay: bool
    clip_gradient: PositiveFloat
    accumulate: PositiveInt
    processes: AtOnce
    select: str | None
    validation_samples: NonNegativeInt
    checkpoint_every: PositiveFloat | None
    collapse: CollapseConfig
    guard: GuardConfig
    precision: Precision
    seed: int
    checkpoint_folder: str

    def check(self) -> None:
        """Refuse impossible values."""
        weights = {reward: config.weight for reward, config in self.rewards.items()}
        require(
            any(w > 0 for w in weights.values()),
            "rl_fine_tuning.rewards",
            weights,
            "positive for at least one",
        )
        choices = (*SELECTED, *(f"reward/{reward}" for reward in self.rewards))
        right = f"null or one of {', '.join(choices)}"
        require(self.select is None or self.select in choices, "rl_fine_tuning.select", self.select, right)
        for reward, config in self.rewards.items():
            config.checked(reward)
            alone = config.baseline in ("leave_one_out", "group") and self.samples < 2
            right = f"2 or more: '{reward}' is {config.baseline}"
            require(not alone, "rl_fine_tuning.samples", self.samples, right)
        alone = self.preference.weight > 0 and self.samples < 2
        right = "2 or more: preference.weight needs images whose samples earn the same"
        require(not alone, "rl_fine_tuning.samples", self.samples, right)
        require(
            self.kl.coefficient == 0 or self.kl_batch_fraction > 0,
            "rl_fine_tuning.kl_batch_fraction",
            self.kl_batch_fraction,
            "above 0: kl.coefficient weighs the distance that is measured on it",
        )

    def sampling(self, randomness: torch.Generator) -> SamplingConfig:
        """Return how reports are sampled."""
        return SamplingConfig(True, randomness, self.temperature, self.top_k, self.top_p)
