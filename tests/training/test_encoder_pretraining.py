from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.models.encoder import Backbone
from coherent_cxr.training import encoder_pretraining, pace
from coherent_cxr.training.encoder_pretraining import (
    EncoderPretrainingConfig,
    labelled_images,
    pretrain_encoder,
    shifted,
)


@pytest.fixture
def config(checkpoint_folder) -> EncoderPretrainingConfig:
    return EncoderPretrainingConfig(
        epochs=4, batch_size=8, learning_rate=2e-3, precision="fp32", checkpoint_folder=checkpoint_folder
    )


def train(config, corpus):
    return pretrain_encoder(config, corpus.store, corpus.labels, corpus.splits)


def test_it_learns_the_labels(config, corpus):
    history = train(dataclasses.replace(config, epochs=5), corpus).history
    auroc = history[history["metric"] == "auroc"]["value"].tolist()
    assert auroc[-1] > 0.9
    assert {"auroc/Cardiomegaly", "auroc/Pleural Effusion"} <= set(history["metric"])
    loss = history[history["metric"] == "label_loss"]["value"].tolist()
    assert loss[-1] < loss[0]


def test_the_first_epochs_may_see_images_of_half_the_side(config, corpus, monkeypatch):
    sides = []
    forward = Backbone.forward

    def watched(self, images):
        sides.append(images.shape[-1])
        return forward(self, images)

    monkeypatch.setattr(Backbone, "forward", watched)
    train(dataclasses.replace(config, epochs=2, half_size_epochs=1), corpus)
    # four steps and one validation batch per epoch, which always sees whole images
    assert sides == [32] * 4 + [64] + [64] * 5


def test_a_killed_training_ends_with_the_same_bytes(config, corpus, tmp_path, monkeypatch):
    config = dataclasses.replace(config, epochs=2)
    whole = train(dataclasses.replace(config, checkpoint_folder=str(tmp_path / "whole")), corpus)
    calls = 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return shifted(*arguments)

    config = dataclasses.replace(config, checkpoint_every=1e-3)
    monkeypatch.setattr(pace, "LARGEST_SHARE", math.inf)  # a checkpoint after every step, whatever it costs
    with monkeypatch.context() as patched:
        patched.setattr(encoder_pretraining, "shifted", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config, corpus)
    assert weights_digest(train(config, corpus).weights) == weights_digest(whole.weights)


def test_uncertain_labels_are_not_known_and_absent_ones_are_negative(corpus):
    labels = corpus.labels.copy()
    labels["Edema"] = labels["Edema"].astype("Int8")
    labels.loc[0, "Edema"], labels.loc[1, "Edema"], labels.loc[2, "Edema"] = -1, 1, 0
    images = labelled_images(corpus.store, labels, corpus.splits, "train")
    of_study = dict(zip(corpus.store.index["row"], corpus.store.index["study_id"], strict=True))
    column = OBSERVATIONS.index("Edema")
    seen = {
        of_study[row]: (images.targets[i, column], bool(images.known[i, column]))
        for i, row in enumerate(images.rows)
    }
    assert [seen[s] for s in ("s00", "s01", "s02", "s03")] == [(0, False), (1, True), (0, True), (0, True)]


def test_images_move_as_a_whole_and_nothing_wraps_in():
    images = torch.arange(1, 101, dtype=torch.uint8).view(1, 10, 10)
    assert torch.equal(shifted(images, 0.0, torch.Generator()), images)
    moves = set()
    for seed in range(30):
        moved = shifted(images, 0.1, torch.Generator().manual_seed(seed))[0].numpy()
        kept = np.isin(images[0].numpy(), moved)
        assert set(moved.flatten()) <= {0, *images.flatten().tolist()}
        assert kept.sum() in (81, 90, 100)
        moves.add(moved.tobytes())
    assert len(moves) == 9


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"batch_size": 1}, "'encoder_pretraining.batch_size' is 1; it must be at least 2"),
        ({"max_shift": 0.5}, "below 0.5"),
        ({"epochs": 2, "half_size_epochs": 2}, "'encoder_pretraining.half_size_epochs' is 2"),
        ({"accumulate": 0}, "a positive whole number"),
        ({"select": "loss"}, "select"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(ConfigurationError, match=message):
        EncoderPretrainingConfig(**setting)
