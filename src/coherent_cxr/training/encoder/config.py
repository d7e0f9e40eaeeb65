"""Settings of the stage ``encoder_pretraining``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from coherent_cxr.configuration import AtOnce, Settings, ShareBelowOne, require
from coherent_cxr.models.encoders import encoder_names
from coherent_cxr.models.image_encoder.precision import Precision
from coherent_cxr.models.image_encoder.provenance import refuse_seen
from coherent_cxr.models.image_encoder.shifts import DIRECTIONS
from coherent_cxr.training.encoder.augmentation import AugmentationConfig

UncertainTargets = Literal["ignored", "soft", "positive"]


class EncoderPretrainingConfig(Settings):
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
        members: Encoders trained with seeds ``seed``, ``seed + 1`` ...; their logits are averaged,
            regions are those of the first.
        cross_fitted: Whether each of several members leaves out a part of the training patients, so that
            thresholds can rest on training studies, too: each scored by the member that has not seen it.
        test_time_shifts: Shifted copies of each image whose label scores are averaged with its own.
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

    encoder: str
    weights: str
    test_corpus: Literal["openi", "mimic_cxr", "padchest", "chexpert"] | None
    allow_seen_weights: bool
    frozen_stride: Literal[0, 2, 4, 8, 16]
    epochs: NonNegativeInt
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: PositiveFloat
    head_learning_rate_factor: PositiveFloat
    weight_decay: NonNegativeFloat
    dropout: ShareBelowOne
    positive_weight_power: NonNegativeFloat
    max_positive_weight: Annotated[float, Field(ge=1)]
    uncertain: UncertainTargets
    augmentation: AugmentationConfig
    average_weights: ShareBelowOne
    mesh_weight: NonNegativeFloat
    mesh_min_count: PositiveInt
    members: PositiveInt
    cross_fitted: bool
    test_time_shifts: Annotated[int, Field(ge=0, le=len(DIRECTIONS))]
    precision: Precision
    select: Literal["auroc"] | None
    patience: PositiveInt | None
    accumulate: PositiveInt
    processes: AtOnce
    compile: bool
    checkpoint_every: PositiveFloat | None
    seed: int
    checkpoint_folder: str

    def check(self) -> None:
        """Refuse impossible values."""
        names = encoder_names()
        require(
            self.encoder in names, "encoder_pretraining.encoder", self.encoder, f"one of {', '.join(names)}"
        )
        refuse_seen(self.weights, self.test_corpus, self.allow_seen_weights)
        require(
            self.weights != "none" or not self.frozen_stride,
            "encoder_pretraining.frozen_stride",
            self.frozen_stride,
            "0, since encoder_pretraining.weights is 'none': layers with random weights have to learn",
        )
        require(
            self.members > 1 or not self.cross_fitted,
            "encoder_pretraining.cross_fitted",
            self.cross_fitted,
            "false, or encoder_pretraining.members at least 2: somebody has to learn from each study",
        )
