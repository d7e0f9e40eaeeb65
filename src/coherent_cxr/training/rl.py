"""Reinforcement fine-tuning with the NLG and Clinically Coherent rewards (Liu et al. 2019, section 3.5)."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import configuration, require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.decoding import decode
from coherent_cxr.models.likelihood import likelihood_loss, report_log_probability
from coherent_cxr.models.precision import Precision
from coherent_cxr.reports.text import metric_text
from coherent_cxr.rewards import CiderD, MovingAverage, ccr
from coherent_cxr.rewards.labels import DEFAULT_TYPES
from coherent_cxr.training.checkpoint import fingerprint
from coherent_cxr.training.loop import Loop
from coherent_cxr.training.mle import TrainedGenerator
from coherent_cxr.training.regions import region_source
from coherent_cxr.training.samples import samples_of_split, to_device
from coherent_cxr.training.validation import ReportReader, Validator, references_of


@configuration
class RlFineTuningConfig:
    """One reinforcement run; the three systems differ only in the rewards' weights.

    Attributes:
        system: Name of the system: ``nlg``, ``ccr`` or ``full``.
        cider_weight: Weight of the NLG reward (self-critical CIDEr-D, 0..10); 0 leaves it out.
        ccr_weight: Weight lambda of the Clinically Coherent Reward; 0 leaves it out.
        beta_u: p(+ | uncertain) = p(- | uncertain), the paper's 0.5.
        gamma: Decay of the moving-average baseline per type, eq. (2).
        likelihood_share: Share of the likelihood loss that stays, which keeps the language intact.
        epochs: Passes over the training samples.
        batch_size: Reports per step.
        learning_rate: Adam's learning rate.
        clip_gradient: Largest norm of the gradient.
        select: Validation number whose best epoch is kept (the MLE model competes); None keeps the last.
        precision: Number format of the encoder, which stays frozen.
        seed: Seed of order and sampling.
        checkpoint_folder: Where checkpoints and cached features are kept.
    """

    system: str
    cider_weight: float = 1.0
    ccr_weight: float = 10.0
    beta_u: float = 0.5
    gamma: float = 0.95
    likelihood_share: float = 0.01
    epochs: int = 1
    batch_size: int = 64
    learning_rate: float = 5e-6
    clip_gradient: float = 5.0
    select: str | None = None
    precision: Precision = "auto"
    seed: int = 0
    checkpoint_folder: str = "data/06_models/checkpoints"

    def check(self) -> None:
        """Refuse impossible values."""
        name = "rl_fine_tuning"
        require(self.epochs > 0, f"{name}.epochs", self.epochs, "a positive whole number")
        require(self.batch_size > 0, f"{name}.batch_size", self.batch_size, "a positive whole number")
        require(self.learning_rate > 0, f"{name}.learning_rate", self.learning_rate, "positive")
        require(0 <= self.gamma < 1, f"{name}.gamma", self.gamma, "at least 0 and below 1")
        require(0 <= self.beta_u <= 1, f"{name}.beta_u", self.beta_u, "in 0..1")
        require(
            self.cider_weight > 0 or self.ccr_weight > 0,
            f"{name}.cider_weight and ccr_weight",
            (self.cider_weight, self.ccr_weight),
            "positive for at least one of the two",
        )


def fine_tune(
    config: RlFineTuningConfig,
    bundle: ModelBundle,
    store: ImageStore,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    document_frequencies: CiderD,
) -> TrainedGenerator:
    """Fine-tune a likelihood-trained generator with REINFORCE.

    A report Z is sampled, words and stop decisions both. Its advantage is the weighted sum of
    r(Z) - r(greedy Z) for CIDEr-D (Rennie et al. 2017) and of sum_t (r_t(Z) - average_t) for CCR, eq. (2); the
    loss is -advantage * log p(Z), plus the likelihood share. The encoder is frozen and dropout is off, so that
    log p(Z) is the probability Z was drawn with.

    Args:
        config: The run's settings.
        bundle: The likelihood-trained model.
        store: Prepared images.
        encoded_reports: ``study_id``, ``split``, ``sentences`` of word ids.
        findings: ``study_id``, ``tokens``: reference texts of the rewards.
        labels: ``study_id`` and the 14 observations: reference labels of the rewards.
        document_frequencies: CIDEr-D with the training split's document frequencies.

    Returns:
        The fine-tuned model and its history (rewards, advantage, entropy, lengths and validation numbers).
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = bundle.build().to(device)
    model.encoder.backbone.requires_grad_(False)
    folder = Path(config.checkpoint_folder)
    regions_of = region_source(model, store, "frozen", folder, config.precision, device)
    train = samples_of_split(encoded_reports, store, "train", bundle.config)
    references = references_of(train, findings, labels)
    held_out = samples_of_split(encoded_reports, store, "validation", bundle.config, images_per_study=1)
    validator = Validator(
        held_out, references_of(held_out, findings, labels), bundle.vocabulary, document_frequencies, regions_of
    )
    reader = ReportReader(bundle.vocabulary, validator.reader.labeler)
    types = [OBSERVATIONS.index(name) for name in DEFAULT_TYPES]
    average = MovingAverage(len(types), config.gamma)

    def train_step(
        step: int, chosen: NDArray[np.int64], randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        without_dropout(model)
        regions = regions_of(train.image_rows[chosen])
        sampled = decode(model, regions, "sample", randomness).reports
        began = time.perf_counter()
        candidates = reader.texts(sampled)
        advantage = np.zeros(len(chosen))
        numbers: dict[str, float] = {}
        if config.cider_weight > 0:
            greedy = reader.texts(decode(model, regions).reports)
            texts = [references.texts[i] for i in chosen]
            reward = document_frequencies.score([metric_text(c) for c in candidates], texts)
            baseline = document_frequencies.score([metric_text(g) for g in greedy], texts)
            advantage += config.cider_weight * (reward - baseline)
            numbers |= {"cider": float(reward.mean()), "cider_greedy": float(baseline.mean())}
        if config.ccr_weight > 0:
            reward = ccr(
                reader.labels(candidates)[:, types], references.labels[chosen][:, types], beta_u=config.beta_u
            )
            advantage += config.ccr_weight * (reward - average.value).sum(axis=1)
            average.update(reward)
            numbers |= {"ccr": float(reward.sum(axis=1).mean())}
            numbers |= {
                f"ccr/{name}": float(value)
                for name, value in zip(DEFAULT_TYPES, reward.mean(axis=0), strict=True)
            }
        in_rewards = time.perf_counter() - began
        scored = model(regions, sampled)
        log_probability = report_log_probability(scored, len(chosen))
        loss = policy_gradient_loss(log_probability, torch.from_numpy(advantage).to(device))
        if config.likelihood_share > 0:
            likelihood = likelihood_loss(model(regions, to_device(train.batch(chosen), device)))
            loss = loss + config.likelihood_share * (likelihood.words + likelihood.stop)
        lengths = [sum(len(sentence) for sentence in report) for report in candidates]
        numbers |= {
            "advantage": float(advantage.mean()),
            "advantage_spread": float(advantage.std()),
            "log_probability_per_word": float(log_probability.mean()) / max(float(np.mean(lengths)), 1),
            "words": float(np.mean(lengths)),
            "sentences": float(sampled.sentences.float().mean()),
            "unique_reports": len({str(c) for c in candidates}) / len(candidates),
            "reward_seconds": in_rewards,
        }
        return loss, numbers

    key = fingerprint(
        dataclasses.asdict(config), bundle.digest, store.digest, train.study_ids, validator.digest
    )

    def restore(state: dict[str, Any]) -> None:
        average.load_state_dict(state)

    history = Loop(
        name=f"{config.system} fine-tuning",
        model=model,
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad]),
        samples=len(train),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        train_step=train_step,
        validate=lambda: validator.numbers(model),
        learning_rate=lambda step: config.learning_rate,
        checkpoints=folder / f"rl_fine_tuning-{config.system}-{key}",
        select=config.select,
        clip_gradient=config.clip_gradient,
        validate_first=True,
        log_every=1,
        extra_state=average.state_dict,
        restore_extra=restore,
    ).run()
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    metadata = {**bundle.metadata, "system": config.system, "fine_tuned_from": bundle.digest}
    return TrainedGenerator(
        ModelBundle(bundle.config, bundle.vocabulary, bundle.image_size, weights, metadata), history
    )


def policy_gradient_loss(log_probability: Tensor, advantage: Tensor) -> Tensor:
    """REINFORCE: a loss whose gradient is that of minus the expected reward (Williams 1992).

    Args:
        log_probability: log p(Z) of sampled reports ``(batch,)``, with gradient.
        advantage: Reward minus baseline ``(batch,)``; a baseline that does not depend on Z leaves the expected
            gradient as it is.

    Returns:
        Mean over the batch, a scalar.
    """
    return -(advantage.to(log_probability.dtype) * log_probability).mean()


def without_dropout(model: nn.Module) -> None:
    """Put a module in evaluation mode, but its LSTMs in training mode: cuDNN has no gradient for them otherwise."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.LSTM):
            module.train()
