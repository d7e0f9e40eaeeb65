"""Settings of the stage ``mle_training``."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from coherent_cxr.configuration import AtOnce, Settings, Share
from coherent_cxr.inference.features import EncoderMode
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.image_encoder.precision import Precision

BatchNorm = Literal["frozen", "train"]


class MleTrainingConfig(Settings):
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
            for other sentences; rarer findings weigh more, by the square root. Normal sentences have few
            different wordings, findings have many: with equal weights (1.0, as in the paper) the
            likeliest sentence is a normal one even where the image shows a finding.
        sentinel_weight: Weight of the mean share of attention that words behind the token of a finding leave
            to the sentinel; 0 (the paper's loss) lets them ignore the image.
        unlikelihood_weight: Weight of the penalty on words of earlier sentences that the reference does not
            repeat; 0 is the paper's loss.
        coverage_weight: Weight of the penalty on attending to regions that earlier sentences attended to; 0
            is the paper's loss.
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

    generator: GeneratorConfig
    encoder: EncoderMode
    batch_norm: BatchNorm
    epochs: PositiveInt
    batch_size: PositiveInt
    accumulate: PositiveInt
    processes: AtOnce
    compile: bool
    learning_rate: PositiveFloat
    schedule: Literal["halving", "one_cycle"]
    halve_every: PositiveInt
    word_weight: NonNegativeFloat
    stop_weight: NonNegativeFloat
    finding_weight: PositiveFloat
    sentinel_weight: NonNegativeFloat
    unlikelihood_weight: NonNegativeFloat
    coverage_weight: NonNegativeFloat
    sampling_step: Share
    sampling_every: PositiveInt
    clip_gradient: PositiveFloat
    select: Literal["macro_f1", "cider", "likelihood"]
    patience: PositiveInt | None
    checkpoint_every: PositiveFloat | None
    examples: NonNegativeInt
    precision: Precision
    seed: int
    checkpoint_folder: str
