"""Settings of the stage ``mle_training``."""

from __future__ import annotations

from typing import Literal

from coherent_cxr.configuration import configuration, require
from coherent_cxr.inference.features import EncoderMode
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.image_encoder.precision import Precision

BatchNorm = Literal["frozen", "train"]


@configuration
class MleTrainingConfig:
    """Likelihood training; defaults follow the paper as recalled, not verified, where it says anything.

    Attributes:
        generator: Architecture.
        encoder: ``frozen`` trains the decoders from features computed once; ``trainable`` trains end to end.
        batch_norm: A trainable encoder's batch normalisation: ``frozen`` keeps the statistics it was
            pretrained with, which holds at any batch size; ``train`` takes each batch's own.
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
        sentinel_weight: Weight of the mean share of attention that words behind the token of a finding leave
            to the sentinel; 0 (the paper's loss) lets them ignore the image.
        sampling_step: Scheduled sampling: the chance of feeding a sampled word grows by this share ...
        sampling_every: ... every so many epochs.
        clip_gradient: Largest norm of the gradient.
        select: Validation number whose best epoch is kept: ``macro_f1``, ``cider`` or ``likelihood``.
        patience: Epochs without a better one after which training ends; None: all epochs.
        checkpoint_every: Seconds between checkpoints within an epoch; None: after each epoch only.
        examples: Validation studies whose generated reports are kept after every epoch.
        precision: Number format of the encoder: ``auto``, ``fp32`` or ``bf16``.
        seed: Seed of weights, order, dropout and sampling.
        checkpoint_folder: Where checkpoints and cached features are kept.
    """

    generator: GeneratorConfig = GeneratorConfig()
    encoder: EncoderMode = "frozen"
    batch_norm: BatchNorm = "frozen"
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
    sentinel_weight: float = 0.0
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
        require(self.sentinel_weight >= 0, f"{name}.sentinel_weight", self.sentinel_weight, "0 or more")
        require(self.examples >= 0, f"{name}.examples", self.examples, "0 or more")
        choices = ("macro_f1", "cider", "likelihood")
        require(self.select in choices, f"{name}.select", self.select, f"one of {', '.join(choices)}")
