"""Likelihood training of the report generator (Liu et al. 2019, section 3.4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.configuration import configuration, require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle, weights_digest
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.likelihood import likelihood_loss, sampled_words
from coherent_cxr.models.precision import Precision
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.checkpoint import fingerprint, step_seed
from coherent_cxr.training.loop import Loop
from coherent_cxr.training.regions import EncoderMode, region_source
from coherent_cxr.training.samples import samples_of_split, to_device
from coherent_cxr.training.validation import Validator, references_of


@configuration
class MleTrainingConfig:
    """Likelihood training; defaults follow the paper as recalled, not verified, where it says anything.

    Attributes:
        generator: Architecture.
        encoder: ``frozen`` trains the decoders from features computed once; ``trainable`` trains end to end.
        epochs: Passes over the training samples.
        batch_size: Samples per step.
        learning_rate: Adam's first learning rate.
        halve_every: Epochs after which the learning rate is halved.
        word_weight: Weight of the word cross-entropy.
        stop_weight: Weight of the stop cross-entropy.
        sampling_step: Scheduled sampling: the chance of feeding a sampled word grows by this share ...
        sampling_every: ... every so many epochs.
        clip_gradient: Largest norm of the gradient.
        select: Validation number whose best epoch is kept: ``macro_f1``, ``cider`` or ``likelihood``.
        precision: Number format of the encoder: ``auto``, ``fp32`` or ``bf16``.
        seed: Seed of weights, order, dropout and sampling.
        checkpoint_folder: Where checkpoints and cached features are kept.
    """

    generator: GeneratorConfig = GeneratorConfig()
    encoder: EncoderMode = "frozen"
    epochs: int = 64
    batch_size: int = 64
    learning_rate: float = 1e-3
    halve_every: int = 16
    word_weight: float = 1.0
    stop_weight: float = 1.0
    sampling_step: float = 0.05
    sampling_every: int = 8
    clip_gradient: float = 5.0
    select: str = "macro_f1"
    precision: Precision = "auto"
    seed: int = 0
    checkpoint_folder: str = "data/06_models/checkpoints"

    def check(self) -> None:
        """Refuse impossible values."""
        for key in ("epochs", "batch_size", "halve_every", "sampling_every"):
            require(
                getattr(self, key) > 0, f"mle_training.{key}", getattr(self, key), "a positive whole number"
            )
        require(self.learning_rate > 0, "mle_training.learning_rate", self.learning_rate, "positive")
        require(0 <= self.sampling_step <= 1, "mle_training.sampling_step", self.sampling_step, "in 0..1")
        choices = ("macro_f1", "cider", "likelihood")
        require(self.select in choices, "mle_training.select", self.select, f"one of {', '.join(choices)}")


class TrainedGenerator(NamedTuple):
    """A model and the history (step, epoch, split, metric, value) of its training."""

    bundle: ModelBundle
    history: pd.DataFrame


def train_mle(
    config: MleTrainingConfig,
    store: ImageStore,
    encoder_weights: Mapping[str, Tensor],
    vocabulary: Vocabulary,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    document_frequencies: CiderD,
) -> TrainedGenerator:
    """Train the generator by likelihood with scheduled sampling.

    Args:
        config: The stage's settings.
        store: Prepared images.
        encoder_weights: State of the encoder's backbone to start from.
        vocabulary: Words by id.
        encoded_reports: ``study_id``, ``split``, ``sentences`` of word ids.
        findings: ``study_id``, ``tokens``: the references validation compares with.
        labels: ``study_id`` and the 14 observations.
        document_frequencies: CIDEr-D with the training split's document frequencies.

    Returns:
        The model of the best validation epoch and the history.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train = samples_of_split(encoded_reports, store, "train", config.generator)
    held_out = samples_of_split(encoded_reports, store, "validation", config.generator, images_per_study=1)
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(config.seed))
        model = ReportGenerator(config.generator, len(vocabulary)).to(device)
    model.encoder.backbone.load_state_dict(dict(encoder_weights))
    frozen = config.encoder == "frozen"
    model.encoder.backbone.requires_grad_(not frozen)
    folder = Path(config.checkpoint_folder)
    regions_of = region_source(model, store, config.encoder, folder, config.precision, device)
    validator = Validator(
        held_out, references_of(held_out, findings, labels), vocabulary, document_frequencies, regions_of
    )
    batches = -(-len(train) // config.batch_size)

    def train_step(
        step: int, chosen: NDArray[np.int64], randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        model.train()
        if frozen:
            model.encoder.backbone.eval()
        epoch = step // batches
        reports = to_device(train.batch(chosen), device)
        regions = regions_of(train.image_rows[chosen])
        chance = min(config.sampling_step * (epoch // config.sampling_every), 1.0)
        read = None
        if chance > 0:
            with torch.no_grad():
                read = sampled_words(model(regions, reports), reports.words, chance, randomness)
        scored = model(regions, reports, read)
        loss = likelihood_loss(scored)
        total = config.word_weight * loss.words + config.stop_weight * loss.stop
        return total, {"word_loss": loss.words.item(), "stop_loss": loss.stop.item(), "sampling": chance}

    key = fingerprint(
        dataclasses.asdict(config),
        store.digest,
        weights_digest(model.state_dict()),
        train.study_ids,
        train.reports.words.numpy().tobytes(),
        validator.digest,
    )
    history = Loop(
        name="likelihood training",
        model=model,
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad]),
        samples=len(train),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        train_step=train_step,
        validate=lambda: validator.numbers(model),
        learning_rate=lambda step: config.learning_rate * 0.5 ** (step // batches // config.halve_every),
        checkpoints=folder / f"mle_training-{key}",
        select=config.select,
        clip_gradient=config.clip_gradient,
    ).run()
    metadata = {
        "system": "mle",
        "image_store_digest": store.digest,
        "training_studies": len(set(train.study_ids)),
        "training_images": len(train),
        "notice": "For research only, not for clinical use.",
    }
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    return TrainedGenerator(ModelBundle(config.generator, vocabulary, store.size, weights, metadata), history)
