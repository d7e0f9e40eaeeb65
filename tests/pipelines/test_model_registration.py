"""The stage model_registration runs from its catalog and parameter files, against a real registry."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from PIL import Image

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.io.table_check import LabelTableError
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from coherent_cxr.images.building import build_store
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.source import open_source
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.pipelines import evaluation, model_registration
from coherent_cxr.pipelines.systems import Systems
from coherent_cxr.reports.text import detokenize, metric_text
from coherent_cxr.rewards import CiderD
from coherent_cxr.serving.monitoring.drift_log import model_number
from coherent_cxr.serving.monitoring.reference import read_reference
from coherent_cxr.serving.registration.fetching import fetch_bundle_folder, fetch_drift_reference
from coherent_cxr.serving.registration.selection import ModelRegistrationConfig
from coherent_cxr.training.encoder.decisions import BETAS
from helpers.conf import read_conf
from helpers.settings import filled
from helpers.tiny_bundle import ENCODER, make_bundle

pytestmark = pytest.mark.slow  # because of their set-up

SYSTEMS = Systems(("nlg", "ccr", "full"), "full")
STAGE = evaluation.create_pipeline(SYSTEMS).only_nodes(
    "score_candidates"
) + model_registration.create_pipeline(SYSTEMS)
"""With the scores by which the evaluation stage chooses."""
MODELS = {dataset: system for system, dataset in SYSTEMS.models.items()}
REPORTS = [[["heart", "is", "clear"], ["no", "effusion"]], [["lungs", "clear"], ["no", "pneumothorax"]]]


@pytest.fixture
def tracking(tmp_path: Path, new_database: Path) -> Iterator[str]:
    shutil.copy(new_database, tmp_path / "mlflow.db")
    before, uri = mlflow.get_tracking_uri(), f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("test", str(tmp_path / "mlartifacts")))
    with mlflow.start_run():
        yield uri
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    folder = tmp_path_factory.mktemp("images")
    levels = np.random.default_rng(0).integers(0, 255, (4, 64, 64), dtype=np.uint8)
    for number, image in enumerate(levels):
        Image.fromarray(image).save(folder / f"I{number}.png")
    images = pd.DataFrame(
        {
            "image_id": [f"I{n}" for n in range(4)],
            "study_id": [f"S{n}" for n in range(4)],
            "view": "frontal",
        }
    )
    return build_store(images, open_source(folder), 64, folder / "work")[0]


@pytest.fixture
def catalog(tmp_path: Path, store: ImageStore) -> DataCatalog:
    catalog = DataCatalog.from_config(read_conf("model_registration/catalog.yml", tmp_path))
    settings = read_conf("model_registration/parameters.yml", tmp_path)["model_registration"]
    catalog["params:model_registration"] = filled(ModelRegistrationConfig, **settings)
    for seed, (name, system) in enumerate(MODELS.items()):
        catalog[name] = make_bundle(seed, system)
    tokens = [*REPORTS, *REPORTS]
    studies = [f"S{n}" for n in range(4)]
    vocabulary = make_bundle().vocabulary
    word_id = {word: place for place, word in enumerate(vocabulary.to_dict()["tokens"])}
    catalog["image_store"] = store
    catalog["image_checks"] = {"views": None, "chest": None}
    classifier = LabelClassifier(len(OBSERVATIONS), Backbone(ENCODER))
    catalog["pretrained_encoder"] = PretrainedEncoder(ENCODER, [classifier.state_dict()]).to_tensors()
    catalog["label_thresholds"] = pd.DataFrame(
        [(point, name, 0.5, 1.0, 0.0) for point in BETAS for name in OBSERVATIONS],
        columns=["operating_point", "observation", "threshold", "slope", "intercept"],
    )
    findings = pd.DataFrame({"study_id": studies, "tokens": tokens, "text": map(detokenize, tokens)})
    catalog["findings"] = findings
    catalog["splits"] = pd.DataFrame({"study_id": studies, "patient_id": studies})
    catalog["params:chexpert_labelling"] = filled(ChexpertLabellingConfig)
    catalog["params:encoder_pretraining.test_time_shifts"] = 0
    catalog["encoded_reports"] = pd.DataFrame(
        {
            "study_id": studies,
            "split": ["train", "train", "validation", "validation"],
            "sentences": [[[word_id[w] for w in s] for s in report] for report in tokens],
        }
    )
    catalog["label_scores"] = pd.DataFrame({"study_id": studies, **dict.fromkeys(OBSERVATIONS, 0.25)})
    catalog["chexpert_labels"] = label_table(filled(ChexpertLabellingConfig).labeler(), findings)
    catalog["cider_document_frequencies"] = CiderD.from_corpus([metric_text(r) for r in REPORTS]).to_dict()
    catalog["metrics_summary"] = {"mle": {"BLEU-4": 0.125}, "full": {"BLEU-4": 0.25}}
    intervals = {"value": 0.25, "low": 0.125, "high": 0.5}
    fields = dict.fromkeys(("labels", "average", "uncertain", "rules"), "")
    catalog["metrics"] = pd.DataFrame(
        [{"system": system, "metric": "BLEU-4", **fields, **intervals} for system in MODELS.values()]
    )
    catalog["generated_reports"] = pd.DataFrame(
        [(system, "S9", f"Report of {system}.") for system in MODELS.values()],
        columns=["system", "study_id", "report"],
    )
    catalog["radiographs"] = {"root": "r", "drawn": True, "notice": "Drawn by a program."}
    return catalog


def test_the_best_on_validation_is_registered_with_its_card(
    catalog: DataCatalog, tracking: str, store: ImageStore
) -> None:
    SequentialRunner().run(STAGE, catalog)
    validation = catalog.load("validation_metrics")
    scores = {system: numbers["score"] for system, numbers in validation["systems"].items()}
    assert set(scores) == set(MODELS.values())
    for numbers in validation["systems"].values():
        assert numbers["score"] == numbers["macro_f1"]
    may = {system for system, found in validation["assessments"].items() if not found["reasons"]}
    assert "mle" in may
    chosen = max((system for system in scores if system in may), key=scores.__getitem__)
    assert validation["candidate"] == validation["by_rule"] == chosen

    registered = catalog.load("registered_model")
    assert (registered["name"], registered["version"], registered["system"]) == ("coherent-cxr", "1", chosen)
    assert registered["alias_moved"]
    loaded = ModelBundle.load(fetch_bundle_folder("models:/coherent-cxr@champion", tracking))
    assert loaded.digest == catalog.load(next(n for n, s in MODELS.items() if s == chosen)).digest
    assert loaded.training_features is not None
    assert len(loaded.training_features.mean) == 64
    assert loaded.image_checks == ImageChecks()
    assert loaded.training_studies is not None
    assert loaded.training_studies.ids == ("S0", "S1")

    kept = fetch_drift_reference("models:/coherent-cxr@champion", tracking)
    assert kept.read_text() == catalog.load("drift_reference")
    reference = read_reference(kept)
    assert reference["model"].tolist() == [model_number(registered["bundle_digest"])] * 2
    assert reference["brightness"].tolist() == [store.pixels[row].mean() for row in (2, 3)]
    assert reference["distance"].notna().all()

    assert "<AppliedModelCard" in catalog.load("chai_model_card")
    card = catalog.load("model_card")
    assert card.startswith("---\nlanguage: en\n")
    for told in (
        "not for clinical use",
        "Drawn by a program.",
        "not radiographs",
        "0.250",
        validation["rule"],
        "the model the others are compared with",
        "This one got `champion`. There was no champion.",
        "Labels by rule set corrected.",
        "- BLEU-4: 0.250 (0.125 to 0.500)",
    ):
        assert told in card
    assert f"> Report of {chosen}" in card


def test_the_same_models_again_do_not_move_the_alias(
    catalog: DataCatalog, tracking: str, tmp_path: Path
) -> None:
    SequentialRunner().run(STAGE, catalog)
    later = DataCatalog.from_config(
        read_conf("model_registration/catalog.yml", tmp_path), save_version="2999-01-01T00.00.00.000Z"
    )
    for name in STAGE.inputs():
        later[name] = catalog.load(name)
    SequentialRunner().run(STAGE, later)
    registered = later.load("registered_model")
    assert (registered["version"], registered["alias_moved"]) == ("1", False)  # the same weights
    assert "is the champion already" in registered["reason"]
    champion = mlflow.MlflowClient().get_model_version_by_alias("coherent-cxr", "champion")
    assert str(champion.version) == "1"


def test_a_named_candidate_is_registered_whatever_its_score(catalog: DataCatalog, tracking: str) -> None:
    settings = catalog.load("params:model_registration")
    catalog["params:model_registration"] = settings.replace(candidate="ccr", sample_report=False)
    SequentialRunner().run(STAGE, catalog)
    registered = catalog.load("registered_model")
    assert registered["system"] == "ccr"
    assert "Report of" not in catalog.load("model_card")
    if catalog.load("validation_metrics")["by_rule"] != "ccr":
        assert (registered["alias"], registered["alias_moved"]) == ("challenger", False)
        assert "by the rule" in registered["reason"]


def test_labels_of_another_rule_set_stop_the_stage(catalog: DataCatalog, tracking: str) -> None:
    catalog["params:chexpert_labelling"] = filled(ChexpertLabellingConfig, rules="original")
    labels = catalog.load("chexpert_labels").copy()
    labels["Cardiomegaly"] = pd.array([1] * 4, dtype="Int8")
    catalog["chexpert_labels"] = labels
    with pytest.raises(LabelTableError, match=r"not made by rule set 'original'.*first Cardiomegaly of 'S0'"):
        SequentialRunner().run(STAGE, catalog)
