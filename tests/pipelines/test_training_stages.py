"""The nodes of both training stages hand their settings and data on and return what the catalog keeps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.pipelines.encoder_pretraining.nodes import pretrain_encoder
from coherent_cxr.pipelines.mle_training.nodes import count_document_frequencies, train_mle
from coherent_cxr.reports.text import detokenize
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.mle import MleTrainingConfig
from training.corpus import Corpus, make_corpus

NO_TERMS = pd.DataFrame({"study_id": [], "term": []})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("corpus") / "store")


def test_both_stages_in_a_row(corpus: Corpus, tmp_path: Path):
    pretraining = EncoderPretrainingConfig(
        epochs=1, batch_size=8, precision="fp32", checkpoint_folder=str(tmp_path)
    )
    weights, history, curves = pretrain_encoder(
        pretraining, corpus.store, corpus.labels, corpus.splits, NO_TERMS
    )
    assert {"auroc", "label_loss"} <= set(history["metric"])
    assert curves.axes
    findings = corpus.findings.assign(text=corpus.findings["tokens"].map(detokenize))
    labelling = ChexpertLabellingConfig()
    labels = label_table(labelling.labeler(), findings)
    frequencies = count_document_frequencies(corpus.findings, corpus.splits)
    config = MleTrainingConfig(
        generator=GeneratorConfig(size=16, max_sentences=3, max_words=6),
        epochs=1,
        batch_size=8,
        examples=2,
        precision="fp32",
        checkpoint_folder=str(tmp_path),
    )
    bundle, history, examples, curves = train_mle(
        config,
        corpus.store,
        weights,
        corpus.vocabulary.to_dict(),
        corpus.encoded_reports,
        findings,
        labels,
        frequencies,
        labelling,
    )
    assert bundle.metadata["label_rules"] == "corrected"
    assert bundle.metadata["label_rules_digest"] == labelling.labeler().digest
    assert bundle.config == config.generator
    assert bundle.metadata["training_images"] == 26
    assert {"perplexity", "cider", "macro_f1", "gradient_norm", "images_per_second"} <= set(history["metric"])
    assert [example["epoch"] for example in examples] == [1, 1]
    assert curves.axes
    kept = "encoder.backbone.features.conv0.weight"
    assert (bundle.weights[kept] == weights["densenet121/0/backbone.features.conv0.weight"]).all()


def test_document_frequencies_are_those_of_the_training_split(corpus: Corpus):
    counted = count_document_frequencies(corpus.findings, corpus.splits)
    assert counted["documents"] == 18


def test_weights_pass_through_without_epochs(corpus: Corpus, tmp_path: Path):
    config = EncoderPretrainingConfig(epochs=0, checkpoint_folder=str(tmp_path))
    one, _, _ = pretrain_encoder(config, corpus.store, corpus.labels, corpus.splits, NO_TERMS)
    other, _, _ = pretrain_encoder(
        dataclasses.replace(config, seed=1), corpus.store, corpus.labels, corpus.splits, NO_TERMS
    )
    name = "densenet121/0/backbone.features.conv0.weight"
    assert not (one[name] == other[name]).all()
