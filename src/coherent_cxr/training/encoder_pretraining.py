"""Training the image encoder on the CheXpert labels of the training split."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import configuration, require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.models.encoder import LabelClassifier
from coherent_cxr.models.encoder_weights import load_backbone
from coherent_cxr.models.precision import Precision, encoder_autocast
from coherent_cxr.training.checkpoint import step_seed
from coherent_cxr.training.distributed import current_world, training_device
from coherent_cxr.training.fingerprint import fingerprint, run_key
from coherent_cxr.training.history import History
from coherent_cxr.training.loop import Loop, one_cycle
from coherent_cxr.training.samples import batches_per_epoch, images_to_tensor


@configuration
class EncoderPretrainingConfig:
    """How the image encoder is trained before the generator.

    Attributes:
        weights: Starting weights: ``none``, ``imagenet``, ``torchxrayvision:<name>`` or a .safetensors file.
        epochs: Passes over the training images; 0 keeps the starting weights as they are.
        half_size_epochs: How many of them, the first ones, see the images at half their side: about four
            times as fast, and enough for a network to find out what matters.
        batch_size: Images per step.
        learning_rate: Peak of the one-cycle schedule (AdamW).
        weight_decay: AdamW's weight decay.
        max_positive_weight: Upper bound of the weight (negatives / positives) of an observation's positives.
        max_shift: Images are moved by up to this share of their side, at random.
        precision: ``auto``, ``fp32`` or ``bf16``.
        select: Validation number whose best epoch is kept: ``auroc``, or None for the last epoch.
        patience: Epochs without a better one after which training ends; None: all epochs.
        accumulate: Parts that a process computes its share of a batch in, to save memory.
        processes: Training processes started on this machine, one per GPU where there are any.
        compile: Whether to compile the encoder with torch.compile.
        checkpoint_every: Seconds between checkpoints within an epoch; None: after each epoch only.
        seed: Seed of weights, order and shifts.
        checkpoint_folder: Where unfinished and finished runs keep their checkpoints.
    """

    weights: str = "none"
    epochs: int = 5
    half_size_epochs: int = 0
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    max_positive_weight: float = 10.0
    max_shift: float = 0.05
    precision: Precision = "auto"
    select: Literal["auroc"] | None = None
    patience: int | None = None
    accumulate: int = 1
    processes: int = 1
    compile: bool = False
    checkpoint_every: float | None = 60.0
    seed: int = 0
    checkpoint_folder: str = "data/06_models/checkpoints"

    def check(self) -> None:
        """Refuse impossible values."""
        name = "encoder_pretraining"
        require(self.epochs >= 0, f"{name}.epochs", self.epochs, "0 or more")
        half = self.half_size_epochs
        require(0 <= half < max(self.epochs, 1), f"{name}.half_size_epochs", half, "at least 0, below epochs")
        require(self.batch_size > 1, f"{name}.batch_size", self.batch_size, "at least 2")
        for key in ("accumulate", "processes", "patience"):
            value = getattr(self, key)
            require(value is None or value > 0, f"{name}.{key}", value, "a positive whole number")
        every = self.checkpoint_every
        require(every is None or every > 0, f"{name}.checkpoint_every", every, "null or positive (seconds)")
        require(self.learning_rate > 0, f"{name}.learning_rate", self.learning_rate, "positive")
        require(0 <= self.max_shift < 0.5, f"{name}.max_shift", self.max_shift, "at least 0 and below 0.5")


class PretrainedEncoder(NamedTuple):
    """State of a :class:`~coherent_cxr.models.encoder.Backbone` and the run's history."""

    weights: dict[str, Tensor]
    history: pd.DataFrame


class LabelledImages(NamedTuple):
    """Rows of the image store with labels: ``targets`` and ``known`` are ``(images, 14)``."""

    rows: NDArray[np.int64]
    targets: NDArray[np.float32]
    known: NDArray[np.bool_]

    @property
    def digest(self) -> str:
        """Digest of rows and labels, for a run's key."""
        return fingerprint(*(part for array in self for part in (array.shape, array.tobytes())))


def labelled_images(
    store: ImageStore, labels: pd.DataFrame, splits: pd.DataFrame, split: str
) -> LabelledImages:
    """Pair the images of a split with their study's labels; uncertain labels are not known, absent is 0."""
    studies = set(splits.loc[splits["split"] == split, "study_id"])
    images = store.index[store.index["study_id"].isin(studies)]
    values = (
        labels.set_index("study_id")[list(OBSERVATIONS)]
        .astype("Int64")
        .fillna(0)
        .reindex(images["study_id"])
        .to_numpy(dtype=np.int64)
    )
    return LabelledImages(images["row"].to_numpy(np.int64), (values == 1).astype(np.float32), values != -1)


def pretrain_encoder(
    config: EncoderPretrainingConfig, store: ImageStore, labels: pd.DataFrame, splits: pd.DataFrame
) -> PretrainedEncoder:
    """Train DenseNet-121 as a multi-label classifier and keep its convolutional part.

    Loss is binary cross-entropy with the positives of rare observations weighted up; the schedule is one
    cycle of AdamW. A killed run continues at its last finished epoch and ends with the same weights.

    Args:
        config: The stage's settings.
        store: Prepared images.
        labels: ``study_id`` and the 14 observations (1, 0, -1, missing).
        splits: ``study_id``, ``split``.

    Returns:
        The backbone's state and a history with training loss and validation AUROC per observation.
    """
    device = training_device()
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(config.seed))
        backbone = load_backbone(config.weights)
        model = LabelClassifier(len(OBSERVATIONS)).to(device)
    model.backbone.load_state_dict(backbone.state_dict())
    if current_world().size > 1 and device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]  # torch's
    if config.compile:
        model.backbone.compile()
    if config.epochs == 0:
        return PretrainedEncoder(model.backbone.state_dict(), History().table())
    train = labelled_images(store, labels, splits, "train")
    validation = labelled_images(store, labels, splits, "validation")
    positives = (train.targets * train.known).sum(axis=0)
    weight = (train.known.sum(axis=0) - positives) / np.maximum(positives, 1)
    positive_weight = torch.tensor(np.clip(weight, 1, config.max_positive_weight), device=device)

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )

    batches = batches_per_epoch(len(train.rows), config.batch_size)

    def train_step(
        step: int, chosen: NDArray[np.int64], randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        model.train()
        images = shifted(images_to_tensor(store, train.rows[chosen], device), config.max_shift, randomness)
        if step < config.half_size_epochs * batches:
            images = functional.avg_pool2d(images.unsqueeze(1).float(), 2).squeeze(1)
        with encoder_autocast(config.precision, device):
            features = model.backbone(images)
        loss = functional.binary_cross_entropy_with_logits(
            model.head(features.float().mean(dim=1)),
            torch.from_numpy(train.targets[chosen]).to(device),
            weight=torch.from_numpy(train.known[chosen]).to(device).float(),
            pos_weight=positive_weight,
        )
        return loss, {"label_loss": loss.item()}

    key = run_key(
        __name__, config, store.digest, weights_digest(model.state_dict()), train.digest, validation.digest
    )
    loop = Loop(
        name="encoder pretraining",
        model=model,
        optimizer=optimizer,
        samples=len(train.rows),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        train_step=train_step,
        validate=lambda: validation_auroc(model, store, validation, config.precision, device),
        learning_rate=lambda step: config.learning_rate * one_cycle(step / loop.steps),
        checkpoints=Path(config.checkpoint_folder) / f"encoder_pretraining-{key}",
        select=config.select,
        patience=config.patience,
        accumulate=config.accumulate,
        checkpoint_every=config.checkpoint_every,
    )
    history = loop.run()
    return PretrainedEncoder(
        {name: value.cpu() for name, value in model.backbone.state_dict().items()}, history
    )


@torch.no_grad()
def validation_auroc(
    model: LabelClassifier,
    store: ImageStore,
    images: LabelledImages,
    precision: Precision,
    device: torch.device,
) -> dict[str, float]:
    """Return the area under the ROC curve per observation and their mean as ``auroc``.

    Observations without both a positive and a negative image are left out.
    """
    model.eval()
    logits = []
    for start in range(0, len(images.rows), 64):
        batch = images_to_tensor(store, images.rows[start : start + 64], device)
        with encoder_autocast(precision, device):
            features = model.backbone(batch)
        logits.append(model.head(features.float().mean(dim=1)).cpu().numpy())
    if not logits:
        return {}
    scores = np.concatenate(logits)
    areas = {}
    for column, observation in enumerate(OBSERVATIONS):
        known = images.known[:, column]
        truth = images.targets[known, column]
        if 0 < truth.sum() < len(truth):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                areas[f"auroc/{observation}"] = float(roc_auc_score(truth, scores[known, column]))
    return {"auroc": float(np.mean(list(areas.values()))), **areas} if areas else {}


def shifted(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Move a batch of images ``(batch, height, width)`` by up to a share of the side, wrapping nothing in.

    The batch moves as one: cheap, and over many batches every image meets every shift.
    """
    most = int(share * images.shape[-1])
    if most == 0:
        return images
    drawn = torch.randint(-most, most + 1, (2,), generator=generator, device=generator.device)
    down, right = drawn.tolist()
    padded = functional.pad(images, (most, most, most, most))
    height, width = images.shape[-2:]
    return padded[:, most + down : most + down + height, most + right : most + right + width]
