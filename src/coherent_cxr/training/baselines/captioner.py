"""Training of the text-generating baselines, on the generator's own split, images and frozen encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from coherent_cxr.baselines.captioners.captioner import Captioner
from coherent_cxr.baselines.captioners.sequences import CaptionBatch, pad_sequences, unflatten
from coherent_cxr.configuration import Settings
from coherent_cxr.finite import require_finite_weights
from coherent_cxr.inference.samples import batches_per_epoch
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.runtime.fingerprint import fingerprint, run_key
from coherent_cxr.training.engine.checkpoint import step_seed
from coherent_cxr.training.engine.loop import Loop, loop_settings

Features = Callable[[NDArray[np.int64]], Tensor]
"""Gives region features ``(rows, K, channels)`` for rows of the image store."""


class CaptioningConfig(Settings):
    """How the text-generating baselines are trained.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Reports per step.
        learning_rate: Adam's first learning rate, halved after each third of the run.
        clip_gradient: Largest norm of the gradient.
        seed: Seed of weights, order, dropout and noise.
    """

    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: PositiveFloat
    clip_gradient: PositiveFloat
    seed: int


@dataclasses.dataclass(frozen=True)
class CaptionSamples:
    """One sample per image.

    Attributes:
        image_rows: Row of the image store ``(samples,)``.
        words: Flat reports, padded ``(samples, words)``.
        targets: 1 where an observation is positive ``(samples, 14)``.
        known: 0 where a label is uncertain ``(samples, 14)``.
    """

    image_rows: NDArray[np.int64]
    words: Tensor
    targets: Tensor
    known: Tensor

    @classmethod
    def of(
        cls,
        image_rows: Sequence[int],
        reports: Sequence[Sequence[Sequence[int]]],
        codes: NDArray[np.int8],
        max_words: int,
    ) -> CaptionSamples:
        """Put samples together from encoded reports and label codes ``(samples, 14)``."""
        return cls(
            np.asarray(image_rows, dtype=np.int64),
            pad_sequences(reports, max_words),
            torch.from_numpy((codes == 1).astype(np.float32)),
            torch.from_numpy((codes != -1).astype(np.float32)),
        )

    def __len__(self) -> int:
        return len(self.image_rows)

    @property
    def digest(self) -> str:
        """Digest of all samples, for a run's key."""
        arrays = (self.image_rows, *(part.numpy() for part in (self.words, self.targets, self.known)))
        return fingerprint(*(part for a in arrays for part in (a.shape, a.tobytes())))

    def batch(self, chosen: NDArray[np.int64], features: Features, device: torch.device) -> CaptionBatch:
        """Return some samples, cut to their own longest report."""
        index = torch.from_numpy(chosen)
        words = self.words[index]
        words = words[:, : int((words != Vocabulary.pad_id).sum(dim=1).max())]
        parts = (words, self.targets[index], self.known[index])
        return CaptionBatch(features(self.image_rows[chosen]), *(part.to(device) for part in parts))


class CaptionData(NamedTuple):
    """What a system is trained on.

    Attributes:
        train: Training samples.
        validation: Samples whose word loss decides which epoch is kept.
        features: Gives the images' features.
        digest: Digest of images and encoder, for a run's fingerprint.
    """

    train: CaptionSamples
    validation: CaptionSamples
    features: Features
    digest: str


class TrainedCaptioner(NamedTuple):
    """A trained system and its history (step, epoch, split, metric, value)."""

    model: Captioner
    history: pd.DataFrame


def train_captioner(
    name: str,
    build: Callable[[], Captioner],
    config: CaptioningConfig,
    data: CaptionData,
    folder: Path,
    device: torch.device,
) -> TrainedCaptioner:
    """Train a system; a killed run continues at its last finished epoch and ends with the same weights.

    Args:
        name: The system.
        build: Makes the untrained model from the global seed.
        config: Training settings.
        data: Samples and features.
        folder: Where checkpoints are kept.
        device: Where to train.
    """
    train, validation, features, digest = data
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(config.seed))
        model = build().to(device)

    def train_step(
        step: int, chosen: NDArray[np.int64], randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        model.train()
        return model.loss(train.batch(chosen, features, device), randomness)

    def validate() -> dict[str, float]:
        return {"likelihood": -word_loss(model, validation, features, device)}

    key = run_key(
        "coherent_cxr.training.baselines.train",  # which imports all systems
        config,
        name,
        model.config.model_dump(),
        weights_digest(model.state_dict()),
        digest,
        train.digest,
        validation.digest,
    )
    steps = config.epochs * batches_per_epoch(len(train), config.batch_size)
    history = Loop(
        **loop_settings(config),
        name=name,
        model=model,
        optimizer=torch.optim.Adam(model.parameters()),
        samples=len(train),
        train_step=train_step,
        validate=validate,
        learning_rate=lambda step: config.learning_rate * 0.5 ** (3 * step // steps),
        checkpoints=folder / f"baselines-{name.replace(' ', '-').replace(',', '')}-{key}",
        select="likelihood",
    ).run()
    return TrainedCaptioner(model.eval(), history)


@torch.no_grad()
def word_loss(
    model: Captioner, samples: CaptionSamples, features: Features, device: torch.device, batch_size: int = 128
) -> float:
    """Return the mean word cross-entropy of samples, in nats."""
    model.eval()
    randomness = torch.Generator(device).manual_seed(0)
    total = words = 0.0
    for start in range(0, len(samples), batch_size):
        batch = samples.batch(np.arange(start, min(start + batch_size, len(samples))), features, device)
        count = float((batch.words != Vocabulary.pad_id).sum())
        total += model.loss(batch, randomness)[1]["word_loss"] * count
        words += count
    return total / max(words, 1.0)


@torch.no_grad()
def write_captions(
    model: Captioner,
    rows: NDArray[np.int64],
    features: Features,
    vocabulary: Vocabulary,
    seed: int,
    device: torch.device,
    batch_size: int = 64,
) -> list[list[list[str]]]:
    """Generate a report for each image greedily.

    Args:
        model: A trained system.
        rows: Rows of the image store.
        features: Gives their features.
        vocabulary: Words by id.
        seed: Seed of what a system draws, such as the noise a language model starts from.
        device: Where to compute.
        batch_size: Reports at a time.

    Returns:
        Words of each sentence of each report.

    Raises:
        NonFiniteError: If a weight, a feature or the logit of a chosen word is not finite.
    """
    require_finite_weights(model.state_dict())
    model.eval()
    reports = []
    for start in range(0, len(rows), batch_size):
        chosen = rows[start : start + batch_size]
        randomness = torch.Generator(device).manual_seed(step_seed(seed, start))
        for words in model.write(features(chosen), randomness).tolist():
            reports.append([vocabulary.decode(sentence) for sentence in unflatten(words)])
    return reports
