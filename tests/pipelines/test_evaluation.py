"""The stage evaluation runs from its own catalog and parameter files, with tiny generators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from PIL import Image

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.statistics.resamples import Resamples
from coherent_cxr.images.building import build_store
from coherent_cxr.images.source import open_source
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.generation import GenerationConfig
from coherent_cxr.pipelines import evaluation
from coherent_cxr.pipelines.encoder_pretraining.nodes import decide_labels
from coherent_cxr.pipelines.evaluation.pipeline import EXCLUSIONS
from coherent_cxr.pipelines.systems import Systems
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.decisions import LabelDecisionsConfig
from helpers.conf import read_conf
from helpers.settings import filled
from helpers.tiny_bundle import WORDS, make_bundle

pytestmark = pytest.mark.slow  # because of their set-up

SYSTEMS = Systems(("nlg", "extra"), "extra")
TOKENS = [["heart", "is", "clear"], ["no", "effusion"]]
VOCABULARY = Vocabulary.from_counts(dict.fromkeys(WORDS, 3), 1, finding_tokens_of(["Pleural Effusion"]))
STUDIES = [f"S{n}" for n in range(6)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    folder = tmp_path_factory.mktemp("images")
    levels = np.random.default_rng(0).integers(0, 255, (5, 64, 64), dtype=np.uint8)
    for number, image in enumerate(levels):
        Image.fromarray(image).save(folder / f"I{number}.png")
    images = pd.DataFrame(
        {"image_id": [f"I{n}" for n in range(5)], "study_id": STUDIES[:5], "view": "frontal"}
    )
    return build_store(images, open_source(folder), 64, folder / "work")[0]


def rows(system: str, tokens: list[list[str]]) -> pd.DataFrame:
    judged = STUDIES[3:5]  # S5 has no image
    return pd.DataFrame(
        {"system": system, "study_id": judged, "tokens": [tokens] * 2, "report": [detokenize(tokens)] * 2}
    )


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, store: ImageStore) -> DataCatalog:
    data = tmp_path_factory.mktemp("data")
    catalog = DataCatalog.from_config(read_conf("evaluation/catalog.yml", data))
    settings = read_conf("evaluation/parameters.yml", data)
    catalog["params:evaluation"] = filled(
        EvaluationConfig, **(settings["evaluation"] | {"resamples": 100, "meteor": False})
    )
    by_consensus = {"systems": ["mle"], "samples": 2, "quality_at": [1, 2]}
    catalog["params:generation"] = filled(
        GenerationConfig, **(settings["generation"] | {"consensus": by_consensus})
    )
    catalog["params:chexpert_labelling"] = filled(ChexpertLabellingConfig)
    for seed, (system, name) in enumerate(SYSTEMS.models.items()):
        catalog[name] = make_bundle(seed, system)
    findings = pd.DataFrame({"study_id": STUDIES, "text": [detokenize(TOKENS)] * 6, "tokens": [TOKENS] * 6})
    catalog["findings"] = findings
    catalog["studies"] = pd.DataFrame({"study_id": STUDIES})
    catalog["splits"] = pd.DataFrame(
        {"study_id": STUDIES, "patient_id": STUDIES, "split": ["train"] * 2 + ["validation"] + ["test"] * 3}
    )
    catalog["chexpert_labels"] = label_table(filled(ChexpertLabellingConfig).labeler(), findings)
    scores = pd.DataFrame({"study_id": STUDIES[:5], **dict.fromkeys(OBSERVATIONS, 0.5)})
    catalog["label_scores"] = scores
    thresholds, calls = decide_labels(
        filled(LabelDecisionsConfig),
        filled(EncoderPretrainingConfig),
        scores,
        catalog["chexpert_labels"].load(),
        catalog["splits"].load(),
    )
    catalog["label_thresholds"], catalog["label_calls"] = thresholds, calls
    catalog["vocabulary"] = VOCABULARY.to_dict()
    catalog["encoded_reports"] = pd.DataFrame(
        {
            "split": ["train"],
            "sentences": [[VOCABULARY.encode(["<Pleural Effusion>", "effusion"])]],
        }
    )
    catalog["image_store"] = store
    catalog["cider_document_frequencies"] = CiderD.from_corpus(["heart is clear ."]).to_dict()
    catalog["baseline_reports"] = pd.concat([rows("constant", TOKENS), rows("1-nn", [*TOKENS, TOKENS[0]])])
    guesses = pd.DataFrame({"system": "major class", "study_id": STUDIES[3:5]})
    catalog["baseline_labels"] = guesses.assign(**dict.fromkeys(OBSERVATIONS, pd.array([0, 1], dtype="Int8")))
    catalog["radiographs"] = {"root": "r", "drawn": True, "notice": "Drawn by a program."}
    history = pd.DataFrame(
        {"step": [1], "epoch": [1.0], "split": "validation", "metric": "macro_f1", "value": [0.1]}
    )
    for name in SYSTEMS.histories.values():
        catalog[name] = history
    for name in EXCLUSIONS.values():
        catalog[name] = pd.DataFrame({"id": ["x"], "reason": ["too_small"], "detail": [""]})
    catalog["params:report_parsing"] = filled(ReportParsingConfig)
    catalog["validation_metrics"] = {"candidate": "extra", "rule": "the highest macro-F1"}
    stage = evaluation.create_pipeline(SYSTEMS)
    SequentialRunner().run(stage - stage.only_nodes("score_candidates"), catalog)
    return catalog


def test_every_system_is_judged_on_the_same_studies(catalog):
    generated = catalog.load("generated_reports")
    writing = [
        "normal report",
        "random training report",
        "constant",
        "1-nn",
        "mle",
        "mle consensus",
        *SYSTEMS.reinforced,
    ]
    assert list(generated["system"].unique()) == writing
    assert generated.groupby("system")["study_id"].apply(list).tolist() == [STUDIES[3:5]] * len(writing)
    summary = catalog.load("metrics_summary")
    assert list(summary) == ["affirm all", "major class", *writing]
    # every training report of this corpus is the test reports' own text
    assert summary["random training report"]["BLEU-1"] == pytest.approx(1)
    assert summary["affirm all"]["macro-14-F1 corrected"] == 0  # nothing is positive here but "No Finding"
    assert summary["major class"]["BLEU-4"] is None
    assert summary["constant"]["BLEU-1"] == pytest.approx(1)


def test_the_headline_is_kept_in_every_resample_and_without_text(catalog):
    found = Resamples.of(catalog.load("headline_resamples"))
    assert (found.basis.seed, found.basis.resamples) == (0, 100)
    summary = catalog.load("metrics_summary")
    expected = {(s, m) for s, own in summary.items() for m, value in own.items() if value is not None}
    assert set(found.values) == expected
    assert found.values["constant", "BLEU-1"] == pytest.approx(1)


def test_repeats_are_removed_but_reported(catalog):
    metrics = catalog.load("metrics").set_index(["system", "metric"])["value"]
    assert metrics["1-nn", "repeat rate"] == pytest.approx(1 / 3)
    assert metrics["1-nn", "BLEU-1"] == pytest.approx(1)
    assert metrics["1-nn", "BLEU-1, repeats kept"] == pytest.approx(7 / 11)
    assert metrics["constant", "BLEU-1, repeats kept"] == pytest.approx(1)


def test_the_page_shows_corpus_training_attention_and_notices(catalog):
    page = catalog.load("results_page")
    for part in (
        "Drawn by a program.",
        "Open-I reports, synthetic images",
        "not for clinical use",
        "too small",
        "small_cnn",
        "The champion: extra",
    ):
        assert part in page
    assert page.count("Drawn by a program.") == 1
    for section in ("attention", "curves", "data", "model", "consensus"):
        assert f'id="{section}"' in page


def test_sentences_are_compared_with_the_tokens_they_were_learnt_with(catalog):
    agreement = catalog.load("finding_token_agreement")
    assert agreement["observation"].tolist() == ["all findings", "Pleural Effusion"]
    assert agreement["share"].tolist() == [1.0, 1.0]  # these generators write no finding token


def test_quality_against_the_number_of_samples_is_measured_on_validation(catalog):
    quality = catalog.load("consensus_quality")
    assert quality["samples"].unique().tolist() == [0, 1, 2]
    assert quality["system"].unique().tolist() == ["mle"]
    assert {"BLEU-4", "CIDEr-D", "macro-F1"} - set(quality["metric"]) <= {"macro-F1"}  # nothing is positive


def test_figures_and_tables_are_kept(catalog):
    for name in ("attention_example", "negation_attention", "headline_intervals", "label_heatmap"):
        assert catalog.exists(name)
    assert {"system", "other", "p_value"} <= set(catalog.load("comparisons").columns)
    assert "observation" in catalog.load("attention_by_status").columns
