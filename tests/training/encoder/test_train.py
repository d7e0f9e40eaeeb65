from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.runtime import pace
from coherent_cxr.training.encoder import train as module
from coherent_cxr.training.encoder.augmentation import augmented
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.scores import auroc_by_label, score_labels, study_means
from coherent_cxr.training.encoder.targets import folds_of, frequent_terms, labelled_images, terms_by_study
from coherent_cxr.training.encoder.train import pretrain_encoder
from helpers.settings import filled


@pytest.fixture
def config(checkpoint_folder) -> EncoderPretrainingConfig:
    return filled(
        EncoderPretrainingConfig,
        encoder="small_cnn",
        epochs=4,
        batch_size=8,
        learning_rate=2e-3,
        precision="fp32",
        checkpoint_folder=checkpoint_folder,
    )


def train(config, corpus, **more):
    return pretrain_encoder(config, corpus.store, corpus.labels, corpus.splits, **more)


@pytest.mark.slow
def test_it_learns_the_labels(config, corpus):
    config = config.replace(
        encoder="efficientnet_lite0",
        weights="imagenet",
        epochs=6,
        learning_rate=1e-3,
        head_learning_rate_factor=10.0,
    )
    pretrained, history = train(config, corpus)
    auroc = history[history["metric"] == "auroc"]["value"].tolist()
    assert auroc[-1] > 0.9
    assert {"auroc/Cardiomegaly", "auroc/Pleural Effusion"} <= set(history["metric"])
    loss = history[history["metric"] == "label_loss"]["value"].tolist()
    assert loss[-1] < loss[0]
    scores = score_labels(config, pretrained, corpus.store, corpus.splits).set_index("study_id")
    truth = corpus.labels.set_index("study_id")
    positive = truth.index[truth["Cardiomegaly"] == 1]
    rest = truth.index.difference(positive)
    assert scores.loc[positive, "Cardiomegaly"].mean() > scores.loc[rest, "Cardiomegaly"].mean()


def test_members_differ_and_the_average_of_weights_is_what_is_kept(config, corpus):
    config = config.replace(epochs=1, members=2, average_weights=0.5)
    pretrained, history = train(config, corpus)
    first, second = pretrained.members
    assert weights_digest(first) != weights_digest(second)
    assert {"auroc", "member 2/auroc"} <= set(history["metric"])
    alone, _ = train(config.replace(members=1), corpus)
    assert weights_digest(alone.members[0]) == weights_digest(first)
    unaveraged, _ = train(config.replace(members=1, average_weights=0.0), corpus)
    assert weights_digest(unaveraged.members[0]) != weights_digest(first)


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_bytes(config, corpus, tmp_path, monkeypatch):
    config = config.replace(epochs=2, average_weights=0.9)
    whole, _ = train(config.replace(checkpoint_folder=str(tmp_path / "whole")), corpus)
    calls = 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return augmented(*arguments)

    config = config.replace(checkpoint_every=1e-3)
    monkeypatch.setattr(pace, "LARGEST_SHARE", math.inf)  # a checkpoint after every step, whatever it costs
    with monkeypatch.context() as patched:
        patched.setattr(module, "augmented", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config, corpus)
    assert weights_digest(train(config, corpus)[0].members[0]) == weights_digest(whole.members[0])


@pytest.mark.parametrize(
    ("policy", "of_uncertain"), [("ignored", (0, False)), ("soft", (0.5, True)), ("positive", (1, True))]
)
def test_what_uncertain_labels_teach(corpus, policy, of_uncertain):
    labels = corpus.labels.copy()
    labels["Edema"] = labels["Edema"].astype("Int8")
    labels.loc[0, "Edema"], labels.loc[1, "Edema"], labels.loc[2, "Edema"] = -1, 1, 0
    images = labelled_images(corpus.store, labels, corpus.splits, "train", policy)
    column = OBSERVATIONS.index("Edema")
    seen = {
        study: (images.targets[i, column], bool(images.known[i, column]))
        for i, study in enumerate(images.study_ids)
    }
    # absent (s03) is negative
    assert [seen[s] for s in ("s00", "s01", "s02", "s03")] == [of_uncertain, (1, True), (0, True), (0, True)]


def test_a_target_that_is_not_known_changes_nothing(config, corpus):
    """Extra images whose labels are all unknown must leave the loss as if they were not labelled at all."""
    images = labelled_images(corpus.store, corpus.labels, corpus.splits, "test")
    unknown = images._replace(known=np.zeros_like(images.known))
    other = unknown._replace(targets=1 - images.targets)
    config = config.replace(epochs=1)
    one, other_way = (train(config, corpus, extra=[extra])[0].members[0] for extra in (unknown, other))
    assert weights_digest(one) == weights_digest(other_way)
    taught, _ = train(config, corpus, extra=[images])
    assert weights_digest(taught.members[0]) != weights_digest(one)


def test_mesh_terms_are_learnt_beside_the_labels_and_left_out_of_the_result(config, corpus):
    terms = pd.DataFrame({"study_id": corpus.labels["study_id"], "term": "Opacity/lung/base"})
    config = config.replace(epochs=1, mesh_weight=0.5, mesh_min_count=2)
    with_terms, _ = train(config, corpus, mesh_terms=terms)
    without, _ = train(config.replace(mesh_weight=0.0), corpus, mesh_terms=terms)
    assert with_terms.members[0]["head.bias"].shape == (len(OBSERVATIONS),)
    assert weights_digest(with_terms.members[0]) != weights_digest(without.members[0])


def test_terms_count_alone_and_with_each_qualifier():
    table = pd.DataFrame(
        {"study_id": ["a", "b", "b", "test"], "term": ["Opacity/lung/base", "Opacity/lung", "Spine", "Spine"]}
    )
    assert terms_by_study(table)["b"] == {"Opacity", "Opacity/lung", "Spine"}
    # nobody coded this study, so that it says nothing about any term; a normal one was coded
    coded = terms_by_study(pd.DataFrame({"study_id": ["n", "u"], "term": ["normal", "No Indexing"]}))
    assert coded == {"n": {"normal"}}
    assert frequent_terms(table, {"a", "b"}, least=2) == ["Opacity", "Opacity/lung"]
    assert frequent_terms(table, {"a", "b"}, least=1)[:3] == ["Opacity", "Opacity/lung", "Opacity/base"]


def test_every_image_changes_by_itself_and_stays_in_range():
    images = torch.full((4, 20, 20), 200, dtype=torch.uint8)
    config = filled(EncoderPretrainingConfig).augmentation
    still = config.replace(shift=0.0)
    assert torch.equal(augmented(images, still, torch.Generator()), images.float() / 255)
    moved = augmented(images, config.replace(shift=0.2), torch.Generator().manual_seed(1))
    assert moved.min() == 0  # black comes in from outside
    assert len({image.numpy().tobytes() for image in moved}) == 4
    bright = augmented(images, still.replace(brightness=0.5, contrast=0.5), torch.Generator().manual_seed(1))
    assert 0 <= bright.min() <= bright.max() <= 1
    assert len(set(bright[:, 0, 0].tolist())) == 4


def test_scores_of_a_study_are_the_mean_over_its_images():
    studies, means = study_means(["b", "a", "b"], np.array([[1.0, 2], [5, 6], [3, 4]], dtype=np.float32))
    assert studies == ["b", "a"]
    assert means.tolist() == [[2, 3], [5, 6]]


def test_auroc_by_hand_and_unknown_truths_left_out():
    scores = np.zeros((4, 14), np.float32)
    scores[:, 1] = [0.1, 0.4, 0.35, 0.8]
    truth = np.zeros((4, 14), bool)
    truth[:, 1] = [False, False, True, True]
    known = np.ones((4, 14), bool)
    assert auroc_by_label(scores, truth, known) == {"auroc": 0.75, f"auroc/{OBSERVATIONS[1]}": 0.75}
    known[1, 1] = False  # the negative that scores above a positive
    assert auroc_by_label(scores, truth, known)["auroc"] == 1.0


def test_an_encoder_travels_as_tensors_and_says_what_it_is(config, corpus):
    pretrained, _ = train(config.replace(epochs=0), corpus)
    back = PretrainedEncoder.from_tensors(pretrained.to_tensors())
    assert back.encoder == "small_cnn"
    assert weights_digest(back.members[0]) == weights_digest(pretrained.members[0])
    with pytest.raises(ValueError, match="run the pipeline encoder_pretraining again"):
        PretrainedEncoder.from_tensors({"features.conv0.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"batch_size": 1}, "'encoder_pretraining.batch_size' is 1; it must be a whole number, at least 2"),
        ({"augmentation": {"shift": 0.5}}, "augmentation.shift' is 0.5"),
        ({"encoder": "densenet"}, "one of convnext_tiny, densenet121"),
        ({"average_weights": 1.0}, "below 1"),
        ({"accumulate": 0}, "a positive whole number"),
        ({"select": "loss"}, "select"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(ConfigurationError, match=message):
        filled(EncoderPretrainingConfig, **setting)


def test_cross_fitted_members_score_the_training_studies_that_they_have_not_seen(config, corpus):
    config = config.replace(epochs=1, members=2, cross_fitted=True)
    pretrained, _ = train(config, corpus)
    folds = folds_of(corpus.splits, 2)
    assert set(folds.values()) == {0, 1}, "each member leaves somebody out"
    scores = score_labels(config, pretrained, corpus.store, corpus.splits).set_index("study_id")
    alone = [
        score_labels(
            config.replace(members=1, cross_fitted=False),
            pretrained._replace(members=[member]),
            corpus.store,
            corpus.splits,
        ).set_index("study_id")
        for member in pretrained.members
    ]
    for study, own in scores.iterrows():
        expected = (
            alone[folds[study]].loc[study]
            if study in folds
            else (alone[0].loc[study] + alone[1].loc[study]) / 2
        )
        np.testing.assert_allclose(own, expected, atol=1e-5)
    # the first member is the one that learns from the others' patients alone
    others = corpus.splits["study_id"].map(folds) != 0
    without, _ = train(
        config.replace(members=1, cross_fitted=False),
        corpus._replace(splits=corpus.splits[others]),
    )
    assert weights_digest(without.members[0]) == weights_digest(pretrained.members[0])


def test_patients_fall_to_the_same_fold_whoever_else_there_is():
    splits = pd.DataFrame(
        {
            "study_id": ["a", "b", "c", "d"],
            "patient_id": ["p1", "p1", "p2", "p3"],
            "split": ["train", "train", "train", "test"],
        }
    )
    folds = folds_of(splits, 5)
    assert set(folds) == {"a", "b", "c"}
    assert folds["a"] == folds["b"]
    assert folds_of(splits[2:], 5) == {"c": folds["c"]}


def test_one_encoder_cannot_be_cross_fitted(config):
    with pytest.raises(ConfigurationError, match=r"cross_fitted.*members at least 2"):
        config.replace(cross_fitted=True)


def test_shifted_copies_of_an_image_are_scored_with_it(config, corpus):
    config = config.replace(encoder="efficientnet_lite0", weights="imagenet", epochs=0)
    pretrained, _ = train(config, corpus)
    (classifier,) = pretrained.classifiers()
    first = corpus.store.index.sort_values("row").iloc[0]
    image = np.array(corpus.store.pixels[0])
    side = image.shape[0]
    step = round(0.04 * side)
    lower = np.zeros_like(image)
    lower[: side - step] = image[step:]
    moved = [np.zeros_like(image) for _ in range(2)]
    moved[0][:, : side - step], moved[1][:, step:] = image[:, step:], image[:, : side - step]
    with torch.no_grad():
        wanted = classifier(torch.from_numpy(np.stack([image, *moved, lower]))).mean(dim=0)
    alone = corpus.store.index["study_id"].value_counts()[first["study_id"]] == 1
    assert alone
    scores = score_labels(config.replace(test_time_shifts=3), pretrained, corpus.store, corpus.splits)
    row = scores.set_index("study_id").loc[first["study_id"], list(OBSERVATIONS)].to_numpy(float)
    np.testing.assert_allclose(row, wanted.numpy(), atol=1e-3)  # features are kept in half precision
    plain = score_labels(config, pretrained, corpus.store, corpus.splits)
    assert np.abs(plain[list(OBSERVATIONS)].to_numpy() - scores[list(OBSERVATIONS)].to_numpy()).max() > 3e-3
