"""Decisions as they are against perfect ones, on a corpus whose encoder is always right."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.inference.generation import GenerationConfig
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.pipelines.ablation.nodes import AblationConfig, ablate
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.baselines.train import BaselinesConfig
from coherent_cxr.training.encoder.decisions import LabelDecisionsConfig, choose_thresholds
from helpers.settings import filled
from helpers.training_corpus import ENCODER, SIDE, Corpus, make_corpus

FINDINGS = [name for name in OBSERVATIONS if name != "No Finding"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("ablation") / "store")


def table(
    corpus: Corpus, folder: str, marks: list[str], right: bool = True, point: str = "balanced"
) -> pd.DataFrame:
    words = {word: 5 for report in corpus.findings["tokens"] for sentence in report for word in sentence}
    vocabulary = Vocabulary.from_counts(words, 1, marks)
    encoded = corpus.encoded_reports.assign(
        sentences=[[vocabulary.encode(s) for s in report] for report in corpus.findings["tokens"]]
    )
    positive = corpus.labels[list(OBSERVATIONS)].eq(1).fillna(value=False)
    scores = pd.DataFrame({"study_id": corpus.labels["study_id"]})
    for name in OBSERVATIONS:
        scores[name] = 10.0 * positive[name] - 5 if right else 0.0
    thresholds = choose_thresholds(filled(LabelDecisionsConfig), scores, corpus.labels, corpus.splits)
    torch.manual_seed(0)
    config = filled(
        GeneratorConfig, encoder=ENCODER, size=8, attention_size=4, max_words=4, sentence_feedback=True
    )
    weights = ReportGenerator(
        config, len(vocabulary), finding_tokens=vocabulary.finding_token_ids
    ).state_dict()
    found = ablate(
        filled(AblationConfig, operating_point=point),
        filled(GenerationConfig, precision="fp32"),
        filled(EvaluationConfig, resamples=100, meteor=False),
        filled(ChexpertLabellingConfig),
        filled(BaselinesConfig, precision="fp32", checkpoint_folder=folder),
        corpus.store,
        corpus.encoder.to_tensors(),
        vocabulary.to_dict(),
        encoded,
        corpus.findings.assign(text=[detokenize(report) for report in corpus.findings["tokens"]]),
        corpus.labels,
        scores,
        thresholds,
        corpus.splits,
        corpus.document_frequencies.to_dict(),
        ModelBundle(config, vocabulary, SIDE, weights),
    )
    assert set(found["split"]) == {"validation"}
    assert (found["low"] <= found["high"]).all()
    return found.pivot(index="system", columns="column", values="value").loc[list(found["system"].unique())]


@pytest.mark.slow
def test_where_the_encoder_is_always_right_its_decisions_lose_nothing(corpus, tmp_path):
    found = table(corpus, str(tmp_path), finding_tokens_of(FINDINGS))
    decisions = ["balanced", "perfect thresholds", "true labels"]
    assert found.index.tolist() == [
        *(f"label classifier, {name}" for name in decisions),
        *(f"medoid, {name}" for name in decisions),
        *(
            f"mle, {name}"
            for decided in ("words alone", "evidence", *decisions)
            for name in (decided, f"{decided}, consensus")
            if name != "perfect thresholds, consensus"
        ),
    ]
    # two of thirteen findings occur; both are told and written by those who copy
    for system in ("label classifier", "medoid"):
        assert (
            found.loc[[f"{system}, {name}" for name in decisions], "micro-5-F1 corrected"].tolist() == [1] * 3
        )
    assert found["BLEU-4"].isna().tolist() == [True] * 3 + [False] * 12
    assert found.loc["mle, balanced"].equals(found.loc["mle, true labels"])


@pytest.mark.slow
def test_where_the_encoder_knows_nothing_true_labels_show_it(corpus, tmp_path):
    found = table(corpus, str(tmp_path), finding_tokens_of(FINDINGS), right=False)["micro-5-F1 corrected"]
    assert found["medoid, balanced"] < found["medoid, true labels"] == 1


def test_a_generator_that_cannot_follow_decisions_writes_by_its_words_alone(corpus, tmp_path):
    written = [name for name in table(corpus, str(tmp_path), []).index if name.startswith("mle")]
    assert written == ["mle, words alone", "mle, words alone, consensus"]


def test_an_operating_point_without_thresholds_is_refused_with_those_that_there_are(corpus, tmp_path):
    with pytest.raises(ConfigurationError, match=r"ablation\.operating_point.*one of balanced, sensitive"):
        table(corpus, str(tmp_path), finding_tokens_of(FINDINGS), point="precise")
