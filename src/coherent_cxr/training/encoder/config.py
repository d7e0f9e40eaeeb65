"""Settings of the stage ``encoder_pretraining``."""

from __future__ import annotations

from typing import Literal

from coherent_cxr.configuration import configuration, require
from coherent_cxr.models.encoders import encoder_names
from coherent_cxr.models.image_encoder.precision import Precision
from coherent_cxr.models.image_encoder.provenance import refuse_seen
from coherent_cxr.training.encoder.augmentation import AugmentationConfig

UncertainTargets = Literal["ignored", "soft", "positive"]


@configuration
class EncoderPretrainingConfig:
    """How the image encoder is trained before the generator.

    Attributes:
        encoder: Name of the encoder, a module of :mod:`coherent_cxr.models.encoders`.
        weights: Starting weights: ``none``, ``imagenet``, ``torchxrayvision:<name>`` or a .safetensors file.
        test_corpus: Public corpus that the images are of, whose test split must be unseen; None: of none.
        allow_seen_weights: Whether starting weights may have been trained on that corpus.
        frozen_stride: Leading layers up to this stride (2, 4, 8, 16) keep their starting weights; 0: none.
        epochs: Passes over the training images; 0 keeps the starting weights as they are.
        batch_size: Images per step.
        learning_rate: Peak of the one-cycle schedule (AdamW).
        head_learning_rate_factor: How many times as fast the new classifier on top learns.
        weight_decay: AdamW's weight decay.
        dropout: Probability of dropping a mean feature before the classifier.
        positive_weight_power: A label's positives weigh (negatives / positives) to this power ...
        max_positive_weight: ... and at most this, before the power is taken.
        uncertain: What an uncertain label teaches: nothing (``ignored``), one half (``soft``), ``positive``.
        augmentation: Random changes of the training images.
        average_weights: Decay per step of the moving average of weights that is validated and kept; 0 keeps
            the weights of the last step.
        mesh_weight: Weight of the loss on frequent MeSH terms of the training studies, where the corpus has
            them; 0 teaches labels alone.
        mesh_min_count: Fewest training studies with a term.
        members: Encoders trained with seeds ``seed``, ``seed + 1`` ...; label probabilities are their mean,
            regions are those of the first.
        cross_fitted: Whether each of several members leaves out a part of the training patients, so that
            thresholds can rest on training studies, too: each scored by the member that has not seen it.
        precision: ``auto``, ``fp32`` or ``bf16``.
        select: Validation number whose best epoch is kept: ``auroc``, or None for the last epoch.
        patience: Epochs without a better one after which training ends; None: all epochs.
        accumulate: Parts that a process computes its share of a batch in, to save memory.
        processes: Training processes started on this machine, one per GPU where there are any.
        compile: Whether to compile the encoder with torch.compile.
        checkpoint_every: Seconds between checkpoints within an epoch; None: after each epoch only.
        seed: Seed of weights, order and augmentation.
        checkpoint_folder: Where unfinished and finished runs keep their checkpoints.
    """

    encoder: str = "densenet121"
    weights: str = "none"
    test_corpus: Literal["openi", "mimic_cxr"] | None = None
    allow_seen_weights: bool = False
    frozen_stride: Literal[0, 2, 4, 8, 16] = 0
    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 1e-3
    head_learning_rate_factor: float = 1.0
    weight_decay: float = 1e-2
    dropout: float = 0.0
    positive_weight_power: float = 1.0
    max_positive_weight: float = 10.0
    uncertain: UncertainTargets = "ignored"
    augmentation: AugmentationConfig = AugmentationConfig()
    average_weights: float = 0.0
    mesh_weight: float = 0.0
    mesh_min_count: int = 15
    members: int = 1
    cross_fitted: bool = False
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
        require(
            self.encoder in encoder_names(),
            f"{name}.encoder",
            self.encoder,
            f"one of {', '.join(encoder_names())}",
        )
        refuse_seen(self.weights, self.test_corpus, self.allow_seen_weights)
        require(
            self.weights != "none" or not self.frozen_stride,
            f"{name}.frozen_stride",
            self.frozen_stride,
            f"0, since {name}.weights is 'none': layers with random weights have to learn",
        )
        require(self.epochs >= 0, f"{name}.epochs", self.epochs, "0 or more")
        require(self.batch_size > 1, f"{name}.batch_size", self.batch_size, "at least 2")
        for key in ("accumulate", "processes", "patience", "members", "mesh_min_count"):
            value = getattr(self, key)
            require(value is None or value > 0, f"{name}.{key}", value, "a positive whole number")
        require(
            self.members > 1 or not self.cross_fitted,
            f"{name}.cross_fitted",
            self.cross_fitted,
            f"false, or {name}.members at least 2: one encoder has to learn from each study",
        )
        every = self.checkpoint_every
        require(every is None or every > 0, f"{name}.checkpoint_every", every, "null or positive (seconds)")
        for key in ("learning_rate", "head_learning_rate_factor"):
            require(getattr(self, key) > 0, f"{name}.{key}", getattr(self, key), "positive")
        for key in ("weight_decay", "mesh_weight", "positive_weight_power"):
            require(getattr(self, key) >= 0, f"{name}.{key}", getattr(self, key), "0 or more")
        for key in ("dropout", "average_weights"):
            require(
                0 <= getattr(self, key) < 1, f"{name}.{key}", getattr(self, key), "at least 0 and below 1"
            )
        require(
            self.max_positive_weight >= 1,
            f"{name}.max_positive_weight",
            self.max_positive_weight,
            "at least 1",
        )
