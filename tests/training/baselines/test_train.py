"""The stage as a whole: every system answers, killed runs resume, the test split decides nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from coherent_cxr.baselines.registry import SYSTEMS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.images.building import build_store
from coherent_cxr.images.source import open_source
from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.text import detokenize, metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.baselines import captioner
from coherent_cxr.training.baselines.train import BaselinesConfig, run_baselines
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.train import train_mle
from helpers.settings import filled
from helpers.training_corpus import LABELER

SICK = [["there", "is", "a", "pleural", "effusion"], ["the", "heart", "is", "enlarged"]]
WELL = [["no", "pleural", "effusion"], ["the", "heart", "is", "normal"]]
STUDIES = 14


@dataclasses.dataclass
class Corpus:
    store: object
    encoder: PretrainedEncoder
    vocabulary: Vocabulary
    encoded: pd.DataFrame
    findings: pd.DataFrame
    labels: pd.DataFrame
    calls: pd.DataFrame
    test: list[str]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    studies = [f"S{n:02d}" for n in range(STUDIES)]
    dice = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for number, study in enumerate(studies):
        levels = dice.integers(0, 60, (64, 64)) + (180 if number % 2 else 0)
        Image.fromarray(levels.astype(np.uint8)).save(folder / "pictures" / f"I{study}.png")
    images = pd.DataFrame({"image_id": [f"I{s}" for s in studies], "study_id": studies, "view": "frontal"})
    tokens = [SICK if number % 2 else WELL for number in range(STUDIES)]
    vocabulary = Vocabulary.from_reports(tokens, 1)
    labels = LABELER.label_many([detokenize(report) for report in tokens])
    torch.manual_seed(0)
    return Corpus(
        build_store(images, open_source(folder / "pictures"), 64, folder / "store")[0],
        PretrainedEncoder("densenet121", [LabelClassifier(1, Backbone()).state_dict()]),
        vocabulary,
        pd.DataFrame(
            {
                "study_id": studies,
                "split": ["train"] * 8 + ["validation"] * 2 + ["test"] * 4,
                "sentences": [[vocabulary.encode(sentence) for sentence in report] for report in tokens],
            }
        ),
        pd.DataFrame({"study_id": studies, "tokens": tokens}),
        labels.assign(study_id=studies),
        labels.assign(study_id=studies),
        studies[10:],
    )


def settings(folder: Path, **changes) -> BaselinesConfig:
    return filled(
        BaselinesConfig,
        **{
            "systems": tuple(SYSTEMS),
            "captioner": {"size": 8, "attention_size": 4, "max_words": 15},
            "training": {"epochs": 2, "batch_size": 4},
            "precision": "fp32",
            "checkpoint_folder": str(folder),
            **changes,
        },
    )


def run(config: BaselinesConfig, corpus: Corpus, **changes):
    c = dataclasses.replace(corpus, **changes)
    return run_baselines(
        config, c.store, c.encoder, c.vocabulary, c.encoded, c.findings, c.labels, c.calls, c.test
    )


@pytest.fixture(scope="module")
def result(corpus, tmp_path_factory):
    return run(settings(tmp_path_factory.mktemp("checkpoints")), corpus)


def test_every_registered_system_answers_for_every_study(corpus, result):
    answers = pd.concat([result.reports, result.labels])
    assert set(answers["system"]) == set(SYSTEMS)
    assert set(result.labels["system"]) == {"major class", "label classifier"}
    for _, own in answers.groupby("system"):
        assert own["study_id"].tolist() == corpus.test
    assert result.reports["report"].str.len().min() > 0
    known = set(corpus.vocabulary.tokens)
    assert {word for report in result.reports["tokens"] for sentence in report for word in sentence} <= known


def test_those_that_learn_leave_weights_and_a_history(result):
    learners = {"noise-rnn", "show and tell", "show, attend and tell", "tienet"}
    assert {name.split("/")[0] for name in result.models} == learners
    assert set(result.history["system"]) == learners
    assert set(result.history["split"]) == {"train", "validation"}


def test_the_most_similar_image_brings_its_report(result):
    reports = result.reports[result.reports["system"] == "1-nn"]["tokens"].tolist()
    # bright images are sick ones, and even an untrained encoder keeps the two apart
    assert reports == [WELL, SICK, WELL, SICK]


@pytest.mark.slow
def test_a_killed_run_ends_like_an_uninterrupted_one(corpus, tmp_path, monkeypatch):
    config = settings(tmp_path / "killed", systems=("show, attend and tell",))
    whole = run(config.replace(checkpoint_folder=str(tmp_path / "whole")), corpus)
    validations, word_loss = [], captioner.word_loss

    def dies_at_the_second(*arguments, **named):
        validations.append(1)
        if len(validations) == 2:
            raise KeyboardInterrupt
        return word_loss(*arguments, **named)

    monkeypatch.setattr(captioner, "word_loss", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(config, corpus)
    monkeypatch.setattr(captioner, "word_loss", word_loss)
    resumed = run(config, corpus)
    assert resumed.models.keys() == whole.models.keys()
    assert all(torch.equal(resumed.models[name], whole.models[name]) for name in whole.models)
    assert resumed.reports["report"].tolist() == whole.reports["report"].tolist()


@pytest.fixture
def with_other_test_references(corpus: Corpus) -> Corpus:
    of_test = corpus.findings["study_id"].isin(corpus.test).tolist()
    tokens = [
        [["fracture", "everywhere"]] if test else own
        for test, own in zip(of_test, corpus.findings["tokens"], strict=True)
    ]
    sentences = [
        [[4]] if test else own for test, own in zip(of_test, corpus.encoded["sentences"], strict=True)
    ]
    labels = corpus.labels.copy()
    labels.loc[of_test, "Fracture"] = 1
    return dataclasses.replace(
        corpus,
        findings=corpus.findings.assign(tokens=tokens),
        encoded=corpus.encoded.assign(sentences=sentences),
        labels=labels,
    )


@pytest.mark.slow
def test_other_test_references_change_no_compared_system(result, with_other_test_references, tmp_path):
    again = run(settings(tmp_path), with_other_test_references)
    assert all(torch.equal(again.models[name], result.models[name]) for name in result.models)
    by_system = dict(list(again.reports.groupby("system")))
    for system, before in result.reports.groupby("system"):
        same = by_system[system]["report"].tolist() == before["report"].tolist()
        assert same or system == "medoid of the true labels", system  # which is told the truth, and says so
    pd.testing.assert_frame_equal(again.labels, result.labels)


@pytest.mark.slow
def test_other_test_references_change_no_chosen_epoch_of_the_generator(
    corpus, with_other_test_references, tmp_path
):
    config = filled(
        MleTrainingConfig,
        generator={"size": 8, "attention_size": 4, "max_sentences": 3, "max_words": 6},
        epochs=3,
        batch_size=4,
        select="macro_f1",
        precision="fp32",
        checkpoint_folder=str(tmp_path),
    )
    trained = []
    for name, data in (("as_they_are", corpus), ("others", with_other_test_references)):
        training = data.findings[data.encoded["split"] == "train"]
        frequencies = CiderD.from_corpus([metric_text(report) for report in training["tokens"]])
        own = config.replace(checkpoint_folder=str(tmp_path / name))
        trained.append(
            train_mle(
                own,
                data.store,
                data.encoder,
                data.vocabulary,
                data.encoded,
                data.findings,
                data.labels,
                frequencies,
                LABELER,
            )
        )
    assert trained[0].bundle.digest == trained[1].bundle.digest
    chosen = [t.history[t.history["split"] == "validation"].reset_index(drop=True) for t in trained]
    pd.testing.assert_frame_equal(*chosen)


def test_without_learners_there_are_no_weights_and_no_history(corpus, tmp_path):
    result = run(settings(tmp_path, systems=("constant",)), corpus)
    assert result.models == {}
    assert result.history.empty
    assert list(result.history.columns) == ["step", "epoch", "split", "metric", "value", "system"]
    assert result.labels.empty


def test_all_systems_are_chosen_in_one_word():
    assert filled(BaselinesConfig, systems="all").chosen == tuple(SYSTEMS)
    assert filled(BaselinesConfig, systems=["1-nn"]).chosen == ("1-nn",)


def test_an_unknown_system_is_refused_in_a_sentence():
    with pytest.raises(
        ConfigurationError, match=r"'baselines.systems' is 'kNN'; it must be one of major class"
    ):
        filled(BaselinesConfig, systems=("kNN",))
