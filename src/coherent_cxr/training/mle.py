"""Likelihood training of the report generator (Liu et al. 2019, section 3.4)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.configuration import configuration, require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle, weights_digest
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.precision import Precision
from coherent_cxr.models.pretrained import PretrainedEncoder
from coherent_cxr.reports.vocabulary import SPECIAL, Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.checkpoint import step_seed
from coherent_cxr.training.distributed import current_world, training_device
from coherent_cxr.training.feature_cache import cached_features
from coherent_cxr.training.fingerprint import encoder_code, run_key
from coherent_cxr.training.looking import tokens_of_findings
from coherent_cxr.training.loop import Loop
from coherent_cxr.training.mle_step import MleStep, sentence_weights
from coherent_cxr.training.projection import start_at_principal_components
from coherent_cxr.training.regions import EncoderMode, region_source
from coherent_cxr.training.samples import Samples, samples_of_split
from coherent_cxr.training.validation import ReportReader, Validator, references_of, require_selectable

BatchNorm = Literal["frozen", "train"]


@configuration
class MleTrainingConfig:
    """Likelihood training; defaults follow the paper as recalled, not verified, where it says anything.

    Attributes:
        generator: Architecture.
        encoder: ``frozen`` trains the decoders from features computed once; ``trainable`` trains end to end.
        batch_norm: A trainable encoder's batch normalisation: ``frozen`` keeps the statistics it was
            pretrained with, which holds at any batch size; ``train`` takes each batch's own.
        projection: Where the projection of the encoder's features starts: ``random``, or at their
            ``principal_components`` over the training images.
        epochs: Passes over the training samples.
        batch_size: Samples per step, over all processes.
        accumulate: Parts that a process computes its share of a batch in, to save memory.
        processes: Training processes started on this machine, one per GPU where there are any.
        compile: Whether to compile the encoder with torch.compile.
        learning_rate: Adam's highest learning rate.
        schedule: ``halving`` divides it by two every ``halve_every`` epochs, as the paper does; ``one_cycle``
            warms up and falls to zero, which reaches further in few epochs.
        halve_every: Epochs after which the learning rate is halved.
        word_weight: Weight of the word cross-entropy.
        stop_weight: Weight of the stop cross-entropy.
        finding_weight: Weight of the words of a sentence that affirms the most frequent finding, against 1
            for other sentences; rarer findings weigh more, by the square root. Normal sentences are few and
            often the same, findings are worded in many ways: with equal weights (1.0, as in the paper) the
            likeliest sentence is a normal one even where the image shows a finding.
        looking_weight: Weight of the mean share of attention that words behind the token of a finding leave
            to the sentinel; 0 (the paper's loss) lets them look away.
        sampling_step: Scheduled sampling: the chance of feeding a sampled word grows by this share ...
        sampling_every: ... every so many epochs.
        clip_gradient: Largest norm of the gradient.
        select: Validation number whose best epoch is kept: ``macro_f1``, ``cider`` or ``likelihood``.
        patience: Epochs without a better one after which training ends; None: all epochs.
        checkpoint_every: Seconds between checkpoints within an epoch; None: after each epoch only.
        examples: Validation studies whose written reports are kept after every epoch.
        precision: Number format of the encoder: ``auto``, ``fp32`` or ``bf16``.
        seed: Seed of weights, order, dropout and sampling.
        checkpoint_folder: Where checkpoints and cached features are kept.
    """

    generator: GeneratorConfig = GeneratorConfig()
    encoder: EncoderMode = "frozen"
    batch_norm: BatchNorm = "frozen"
    projection: Literal["random", "principal_components"] = "random"
    epochs: int = 64
    batch_size: int = 64
    accumulate: int = 1
    processes: int = 1
    compile: bool = False
    learning_rate: float = 1e-3
    schedule: Literal["halving", "one_cycle"] = "halving"
    halve_every: int = 16
    word_weight: float = 1.0
    stop_weight: float = 1.0
    finding_weight: float = 1.0
    looking_weight: float = 0.0
    sampling_step: float = 0.05
    sampling_every: int = 8
    clip_gradient: float = 5.0
    select: str = "macro_f1"
    patience: int | None = None
    checkpoint_every: float | None = 60.0
    examples: int = 8
    precision: Precision = "auto"
    seed: int = 0
    checkpoint_folder: str = "data/06_models/checkpoints"

    def check(self) -> None:
        """Refuse impossible values."""
        name = "mle_training"
        counts = ("epochs", "batch_size", "accumulate", "processes", "halve_every", "sampling_every")
        for key in (*counts, "patience"):
            value = getattr(self, key)
            require(value is None or value > 0, f"{name}.{key}", value, "a positive whole number")
        every = self.checkpoint_every
        require(every is None or every > 0, f"{name}.checkpoint_every", every, "null or positive (seconds)")
        require(self.learning_rate > 0, f"{name}.learning_rate", self.learning_rate, "positive")
        require(0 <= self.sampling_step <= 1, f"{name}.sampling_step", self.sampling_step, "in 0..1")
        require(self.finding_weight > 0, f"{name}.finding_weight", self.finding_weight, "positive")
        require(self.looking_weight >= 0, f"{name}.looking_weight", self.looking_weight, "0 or more")
        require(self.examples >= 0, f"{name}.examples", self.examples, "0 or more")
        choices = ("macro_f1", "cider", "likelihood")
        require(self.select in choices, f"{name}.select", self.select, f"one of {', '.join(choices)}")


class TrainedGenerator(NamedTuple):
    """A trained model.

    Attributes:
        bundle: The model.
        history: Its training (step, epoch, split, metric, value).
        examples: Reports written for validation studies after each epoch (epoch, study_id, reference,
            written).
    """

    bundle: ModelBundle
    history: pd.DataFrame
    examples: list[dict[str, Any]] = []  # noqa: RUF012 - a default of a named tuple, never changed in place


def train_mle(
    config: MleTrainingConfig,
    store: ImageStore,
    encoder: PretrainedEncoder,
    vocabulary: Vocabulary,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    document_frequencies: CiderD,
    labeler: CheXpertLabeler,
) -> TrainedGenerator:
    """Train the generator by likelihood with scheduled sampling.

    Args:
        config: The stage's settings.
        store: Prepared images.
        encoder: The pretrained encoder to start from; it also says which architecture the generator has.
        vocabulary: Words by id.
        encoded_reports: ``study_id``, ``split``, ``sentences`` of word ids.
        findings: ``study_id``, ``tokens``: the references validation compares with.
        labels: ``study_id`` and the 14 observations.
        document_frequencies: CIDEr-D with the training split's document frequencies.
        labeler: Made ``labels``; weighs sentences and labels what is written for validation.

    Returns:
        The model of the best validation epoch, the history and examples.

    Raises:
        ValueError: If there is nothing to learn from or to validate on.
    """
    device = training_device()
    config = dataclasses.replace(
        config, generator=dataclasses.replace(config.generator, encoder=encoder.encoder)
    )
    train = samples_of_split(encoded_reports, store, "train", config.generator)
    held_out = samples_of_split(encoded_reports, store, "validation", config.generator, images_per_study=1)
    wanted = references_of(held_out, findings, labels)
    require_selectable("mle_training.select", config.select, wanted)
    _require_words(train, vocabulary)
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(config.seed))
        model = ReportGenerator(config.generator, len(vocabulary), marks=vocabulary.mark_ids).to(device)
    backbone = model.encoder.backbone
    backbone.load_state_dict(encoder.backbone_state())
    backbone.requires_grad_(config.encoder == "trainable")
    if model.encoder.labels is not None:
        model.encoder.labels.load_state_dict(encoder.head_state())
    if config.compile:
        backbone.compile()
    folder = Path(config.checkpoint_folder)
    if config.projection == "principal_components":
        features = cached_features(backbone, store, folder, config.precision, device)
        start_at_principal_components(model.encoder.projection, features[np.unique(train.image_rows)])
    regions_of = region_source(model, store, config.encoder, folder, config.precision, device)
    validator = Validator(
        held_out,
        wanted,
        ReportReader(vocabulary, labeler),
        document_frequencies,
        regions_of,
    )
    examples: list[dict[str, Any]] = []

    def validate() -> dict[str, float]:
        numbers = validator.numbers(model)
        epoch = examples[-1]["epoch"] + 1 if examples else 1
        examples.extend({"epoch": epoch, **example} for example in validator.examples(config.examples))
        return numbers

    weights_of = sentence_weights(train, vocabulary, config.finding_weight, labeler)
    step = MleStep(config, model, train, regions_of, weights_of, tokens_of_findings(vocabulary))
    key = run_key(
        __name__,
        config,
        encoder_code(config.generator.encoder),
        store.digest,
        weights_digest(model.state_dict()),
        vocabulary.to_dict(),
        train.digest,
        validator.digest,
    )
    loop = Loop(
        name="likelihood training",
        model=model,
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad]),
        samples=len(train),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        train_step=step,
        validate=validate,
        learning_rate=step.learning_rate,
        checkpoints=folder / f"mle_training-{key}",
        select=config.select,
        patience=config.patience,
        clip_gradient=config.clip_gradient,
        accumulate=config.accumulate,
        checkpoint_every=config.checkpoint_every,
        extra_state=lambda: {"examples": examples},
        restore_extra=lambda state: examples.extend(state["examples"]),
    )
    history = loop.run()
    metadata = {
        "system": "mle",
        "label_rules": labeler.name,
        "label_rules_digest": labeler.digest,
        "image_store_digest": store.digest,
        "training_studies": len(set(train.study_ids)),
        "training_images": len(train),
        "processes": current_world().size,
        "threads": loop.progress.threads,
        "notice": "For research only, not for clinical use.",
    }
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    bundle = ModelBundle(config.generator, vocabulary, store.size, weights, metadata)
    return TrainedGenerator(bundle, history, examples)


def _require_words(train: Samples, vocabulary: Vocabulary) -> None:
    words = train.reports.words
    others = torch.tensor([*range(len(SPECIAL)), *vocabulary.mark_ids], device="cpu")
    if bool(torch.isin(words, others).all()):
        raise ValueError(
            f"Not one word of the {len(train)} training reports is in the vocabulary, so there is nothing to "
            "learn to write. Lower vocabulary_building.min_count, and run the pipeline vocabulary_building "
            "again."
        )
