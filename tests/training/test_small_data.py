"""Data that leave nothing to learn: refused in a sentence before the work, or with a defined result."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.inference.samples import samples_of_split
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.baselines.train import BaselinesConfig, run_baselines
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.train import pretrain_encoder
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.train import train_mle
from coherent_cxr.training.scst.train import RlFineTuningConfig, fine_tune
from helpers.settings import filled
from helpers.tiny_generator import make_generator
from helpers.training_corpus import ENCODER, LABELER, Corpus, make_store

SIZES = filled(GeneratorConfig, encoder=ENCODER, size=16, attention_size=8, max_sentences=3, max_words=6)


def without_labels(corpus: Corpus) -> pd.DataFrame:
    labels = corpus.labels.copy()
    for observation in OBSERVATIONS:
        labels[observation] = pd.array([None] * len(labels), dtype="Int8")
    return labels


def train(corpus: Corpus, folder: str, **settings):
    config = filled(
        MleTrainingConfig,
        **{"generator": SIZES, "epochs": 1, "batch_size": 8, "checkpoint_folder": folder, **settings},
    )
    return train_mle(config, *corpus[:-1], LABELER)


@pytest.fixture
def one_image(corpus, tmp_path) -> Corpus:
    return corpus._replace(store=make_store(tmp_path / "one", ["s00"], [0]))


def test_reports_without_words_are_left_out_and_counted(corpus, caplog):
    encoded = corpus.encoded_reports.copy()
    encoded["sentences"] = [
        [] if study == "s00" else [[], sentences[0]] if study == "s02" else sentences
        for study, sentences in zip(encoded["study_id"], encoded["sentences"], strict=True)
    ]
    with caplog.at_level(logging.WARNING):
        samples = samples_of_split(encoded, corpus.store, "train", SIZES)
    assert "1 reports of the split 'train' hold no words" in caplog.text
    assert "s00" not in samples.study_ids
    assert int(samples.reports.sentences[samples.study_ids.index("s02")]) == 1
    assert bool((samples.reports.words[:, 0, 0] > Vocabulary.unk_id).all())


@pytest.mark.parametrize("sentences", [[], [[]], [[], []]])
def test_reports_that_all_hold_no_words_are_refused(corpus, checkpoint_folder, sentences):
    empty = corpus.encoded_reports.assign(sentences=[sentences] * len(corpus.encoded_reports))
    with pytest.raises(
        ValueError, match=r"No study of the split 'train' .*18 reports \(18 of them without words"
    ):
        train(corpus._replace(encoded_reports=empty), checkpoint_folder)
    assert not Path(checkpoint_folder).exists()


def test_a_vocabulary_of_none_of_the_words_is_refused(corpus, checkpoint_folder):
    marks = Vocabulary.from_counts({}, 1, ["<Edema>", "<normal>"])
    encoded = corpus.encoded_reports.copy()
    unknown = [[4, Vocabulary.unk_id, Vocabulary.unk_id]]  # a finding token, and words that are not kept
    encoded["sentences"] = [unknown] * len(encoded)
    with pytest.raises(ValueError, match="Not one word of the 26 training reports is in the vocabulary"):
        train(corpus._replace(vocabulary=marks, encoded_reports=encoded), checkpoint_folder)
    assert not Path(checkpoint_folder).exists()


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_without_studies_is_refused(corpus, checkpoint_folder, split):
    c = corpus._replace(encoded_reports=corpus.encoded_reports.query(f"split != '{split}'"))
    said = f"No study of the split '{split}' has both a report and an image"
    with pytest.raises(ValueError, match=said):
        train(c, checkpoint_folder)
    rl = filled(
        RlFineTuningConfig,
        system="full",
        rewards={"ccr": {"weight": 1.0}},
        checkpoint_folder=checkpoint_folder,
    )
    with pytest.raises(ValueError, match=said):
        fine_tune(rl, make_generator(corpus), c.store, *c[3:-1], LABELER)
    baselines = filled(BaselinesConfig, systems=("tienet",), checkpoint_folder=checkpoint_folder)
    with pytest.raises(ValueError, match=said):
        run_baselines(baselines, *c[:-2], c.labels, ["s21"])


def test_a_store_of_one_image_is_refused_by_every_stage(one_image, checkpoint_folder):
    with pytest.raises(
        ValueError, match=r"'validation' has both a report and an image: 3 reports .* 1 images"
    ):
        train(one_image, checkpoint_folder)
    config = filled(EncoderPretrainingConfig, checkpoint_folder=checkpoint_folder)
    with pytest.raises(ValueError, match=r"has 1 training image\(s\) and needs at least two"):
        pretrain_encoder(config, one_image.store, one_image.labels, one_image.splits)
    assert not Path(checkpoint_folder).exists()


def test_starting_weights_can_be_kept_with_one_image(one_image, checkpoint_folder):
    config = filled(
        EncoderPretrainingConfig, encoder="small_cnn", epochs=0, checkpoint_folder=checkpoint_folder
    )
    pretrained, history = pretrain_encoder(config, one_image.store, one_image.labels, one_image.splits)
    assert len(pretrained.members) == 1
    assert history.empty


def test_labels_that_are_all_absent_teach_an_encoder_nothing(corpus, checkpoint_folder):
    config = filled(EncoderPretrainingConfig, checkpoint_folder=checkpoint_folder)
    with pytest.raises(ValueError, match="None of 26 training images has a positive label"):
        pretrain_encoder(config, corpus.store, without_labels(corpus), corpus.splits)
    uncertain = without_labels(corpus)
    uncertain["Edema"] = pd.array([-1] * len(uncertain), dtype="Int8")  # which teaches nothing
    with pytest.raises(ValueError, match="None of 26 training images has a positive label"):
        pretrain_encoder(config, corpus.store, uncertain, corpus.splits)
    assert not Path(checkpoint_folder).exists()


def test_labels_that_are_all_absent_cannot_choose_an_epoch_by_f1(corpus, checkpoint_folder):
    c = corpus._replace(labels=without_labels(corpus))
    with pytest.raises(
        ValueError, match=r"mle_training\.select is 'macro_f1', but of 3 validation reports only 0"
    ):
        train(c, checkpoint_folder)
    rewards = {"ccr": {"weight": 1.0}}
    rl = filled(
        RlFineTuningConfig,
        system="full",
        rewards=rewards,
        select="macro_f1",
        checkpoint_folder=checkpoint_folder,
    )
    with pytest.raises(ValueError, match=r"rl_fine_tuning\.select is 'macro_f1'"):
        fine_tune(rl, make_generator(corpus), c.store, *c[3:-1], LABELER)


def test_labels_that_are_all_absent_leave_likelihood_and_rewards_finite(corpus, checkpoint_folder):
    c = corpus._replace(labels=without_labels(corpus))
    trained = train(c, checkpoint_folder, select="likelihood", finding_weight=3.0)
    rewards = {name: {"weight": 1.0} for name in ("cider", "ccr", "ccr_weighted", "f_beta")}
    config = filled(
        RlFineTuningConfig, system="full", rewards=rewards, batch_size=26, checkpoint_folder=checkpoint_folder
    )
    tuned = fine_tune(config, trained.bundle, c.store, *c[3:-1], LABELER)
    for history in (trained.history, tuned.history):
        assert np.isfinite(history["value"]).all()
        assert "macro_f1" not in set(history["metric"])
