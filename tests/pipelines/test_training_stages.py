"""The nodes of both training stages hand their settings and data on and return what the catalog keeps."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from coherent_cxr.images.preparation import ImagePreparationConfig
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.pipelines.encoder_pretraining.nodes import pretrain_encoder
from coherent_cxr.pipelines.mle_training.nodes import count_document_frequencies, train_mle
from coherent_cxr.reports.findings import FindingsExtractionConfig
from coherent_cxr.reports.text import detokenize
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.extra_images import ExtraImagesConfig
from coherent_cxr.training.mle.config import MleTrainingConfig
from helpers.settings import filled
from helpers.training_corpus import ENCODER, Corpus, make_corpus

NO_TERMS = pd.DataFrame({"study_id": [], "term": []})
KERNEL = next(
    f"backbone.{name}"
    for name, value in Backbone(ENCODER).state_dict().items()
    if value.ndim == 4 and "features" in name
)
"""A convolution's weights; those of the normalisation begin equal whatever the seed."""


def pretrain(config: EncoderPretrainingConfig, corpus: Corpus):
    tables = corpus.labels, corpus.splits, NO_TERMS
    return pretrain_encoder(
        config, corpus.store, *tables, filled(ExtraImagesConfig), filled(ImagePreparationConfig)
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("corpus") / "store")


@pytest.mark.slow
def test_both_stages_in_a_row(corpus: Corpus, tmp_path: Path):
    pretraining = filled(
        EncoderPretrainingConfig,
        encoder=ENCODER,
        epochs=1,
        batch_size=8,
        precision="fp32",
        checkpoint_folder=str(tmp_path),
    )
    weights, history, curves, left_out = pretrain(pretraining, corpus)
    assert left_out.empty
    assert {"auroc", "label_loss"} <= set(history["metric"])
    assert curves.axes
    findings = corpus.findings.assign(text=corpus.findings["tokens"].map(detokenize))
    labelling = filled(ChexpertLabellingConfig)
    labels = label_table(labelling.labeler(), findings)
    frequencies = count_document_frequencies(corpus.findings, corpus.splits)
    config = filled(
        MleTrainingConfig,
        generator=filled(GeneratorConfig, encoder=ENCODER, size=16, max_sentences=3, max_words=6),
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
        filled(FindingsExtractionConfig, target="impression"),
    )
    assert bundle.metadata["target"] == "impression"
    assert bundle.metadata["label_rules"] == "corrected"
    assert bundle.metadata["label_rules_digest"] == labelling.labeler().digest
    assert bundle.config == config.generator
    assert bundle.metadata["training_images"] == 26
    assert {"perplexity", "cider", "macro_f1", "gradient_norm", "images_per_second"} <= set(history["metric"])
    assert [example["epoch"] for example in examples] == [1, 1]
    assert curves.axes
    assert (bundle.weights[f"encoder.{KERNEL}"] == weights[f"{ENCODER}/0/{KERNEL}"]).all()


def test_document_frequencies_are_those_of_the_training_split(corpus: Corpus):
    counted = count_document_frequencies(corpus.findings, corpus.splits)
    assert counted["documents"] == 18


def test_weights_pass_through_without_epochs(corpus: Corpus, tmp_path: Path):
    config = filled(EncoderPretrainingConfig, encoder=ENCODER, epochs=0, checkpoint_folder=str(tmp_path))
    one, *_ = pretrain(config, corpus)
    other, *_ = pretrain(config.replace(seed=1), corpus)
    name = f"{ENCODER}/0/{KERNEL}"
    assert not (one[name] == other[name]).all()
