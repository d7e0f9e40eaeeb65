"""Settings of a training that takes a second or two."""

from __future__ import annotations

import pytest

from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.training.mle.config import MleTrainingConfig
from helpers.training_corpus import ENCODER


@pytest.fixture
def config(checkpoint_folder) -> MleTrainingConfig:
    return MleTrainingConfig(
        generator=GeneratorConfig(
            encoder=ENCODER, size=16, attention_size=8, dropout=0.2, max_sentences=4, max_words=8
        ),
        epochs=3,
        batch_size=6,
        learning_rate=2e-2,
        sampling_step=0.25,
        sampling_every=1,
        select="likelihood",
        precision="fp32",
        checkpoint_folder=checkpoint_folder,
    )
