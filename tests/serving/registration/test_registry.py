"""Registered models in a real MLflow database: logged from code, promoted by the rule, loaded elsewhere."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import mlflow
import pytest

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.manifest import manifest_digest
from coherent_cxr.serving.registration.fetching import ModelNotFoundError, fetch_bundle_folder
from coherent_cxr.serving.registration.registry import register
from coherent_cxr.serving.registration.selection import ModelRegistrationConfig, Promotion
from coherent_cxr.tracking.addresses import TrackingError
from helpers.settings import filled
from helpers.tiny_bundle import make_bundle

CONFIG = filled(ModelRegistrationConfig)


def _validation(score: float, digest: str = "d") -> dict[str, Any]:
    return {
        "systems": {"full": {"macro_f1": score, "cider": 0.0, "score": score}},
        "assessments": {"full": {"cider_difference": {}, "reasons": []}},
        "candidate": "full",
        "by_rule": "full",
        "rule": CONFIG.rule("corrected"),
        "label_rules": "corrected",
        "validation_digest": digest,
    }


def _card(alias: str, promotion: Promotion) -> str:
    return f"# The card\n\nnot for clinical use; {alias}: {promotion.reason}"


def _register(bundle: ModelBundle, score: float) -> dict[str, Any]:
    with mlflow.start_run():
        return register(CONFIG, bundle, _validation(score), _card).record


@pytest.mark.slow
def test_the_champion_moves_only_to_a_better_model_and_is_fetched_by_its_alias(bundle, tracking):
    first = _register(bundle, 0.5)
    assert (first["version"], first["alias_moved"]) == ("1", True)
    worse = _register(make_bundle(seed=1), 0.25)
    assert (worse["version"], worse["alias_moved"], worse["alias"]) == ("2", False, "challenger")
    assert str(mlflow.MlflowClient().get_model_version_by_alias("coherent-cxr", "challenger").version) == "2"
    assert (
        "challenger: Its clinical score is not better"
        in mlflow.MlflowClient().get_model_version("coherent-cxr", "2").description
    )
    champion = ModelBundle.load(fetch_bundle_folder("models:/coherent-cxr@champion", tracking))
    assert champion.digest == bundle.digest == first["weights_digest"]
    better = make_bundle(seed=2)
    assert _register(better, 0.75)["alias_moved"]
    champion = ModelBundle.load(fetch_bundle_folder("models:/coherent-cxr@champion", tracking))
    assert champion.digest == better.digest
    assert ModelBundle.load(fetch_bundle_folder("models:/coherent-cxr/1", tracking)).digest == bundle.digest


@pytest.mark.slow
def test_the_same_weights_keep_their_version_as_long_as_its_files_are_there(bundle, tracking, tmp_path):
    client = mlflow.MlflowClient()
    assert _register(bundle, 0.5)["version"] == "1"
    assert _register(make_bundle(seed=1), 0.25)["version"] == "2"
    again = _register(bundle, 0.75)
    assert (again["version"], again["selection_score"]) == ("1", 0.75)
    assert client.get_model_version("coherent-cxr", "1").tags["selection_score"] == "0.75"
    assert len(client.search_model_versions("name = 'coherent-cxr'")) == 2
    place = client.get_model_version_download_uri("coherent-cxr", "1").removeprefix("file://")
    shutil.rmtree(place)
    assert _register(bundle, 0.5)["version"] == "3"


@pytest.mark.slow
def test_fetching_leaves_the_registry_as_it_is(bundle, tracking, tmp_path):
    _register(bundle, 0.5)
    before = sorted(tmp_path.rglob("*"))
    for address in ("models:/coherent-cxr@champion", "models:/coherent-cxr/1"):
        folder = fetch_bundle_folder(address, tracking)
        assert folder.is_relative_to(tmp_path / "mlartifacts")
        assert ModelBundle.load(folder).digest == bundle.digest
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_database_and_a_silent_server_are_sentences(tmp_path: Path):
    (tmp_path / "mlflow.db").write_text("no database at all" * 100)
    with pytest.raises(TrackingError, match="no MLflow database"):
        fetch_bundle_folder("models:/coherent-cxr@champion", f"sqlite:///{tmp_path / 'mlflow.db'}")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(TrackingError, match=r"http://u:\*\*\*@127.0.0.1") as refused:
        fetch_bundle_folder("models:/coherent-cxr@champion", f"http://u:hidden@127.0.0.1:{port}")
    assert "hidden" not in str(refused.value)


@pytest.mark.slow
def test_a_version_tells_its_score_its_data_and_its_card(bundle, tracking):
    _register(bundle, 0.5)
    version = mlflow.MlflowClient().get_model_version("coherent-cxr", "1")
    assert version.tags["selection_score"] == "0.5"
    assert version.tags["label_rules"] == "corrected"
    assert "champion: There was no champion." in version.description
    assert version.tags["validation_digest"] == "d"
    assert version.tags["weights_digest"] == bundle.digest
    folder = fetch_bundle_folder("models:/coherent-cxr/1", tracking)
    assert version.tags["bundle_digest"] == manifest_digest(folder)
    assert "not for clinical use" in version.description
    assert "Intended for" in mlflow.MlflowClient().get_registered_model("coherent-cxr").description
    run = mlflow.MlflowClient().get_run(version.run_id)
    assert "model_card.md" in {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)}


@pytest.mark.slow
def test_no_pickle_of_ours_travels_with_the_model(bundle, tracking, tmp_path: Path):
    _register(bundle, 0.5)
    files = [path for path in (tmp_path / "mlartifacts").rglob("*") if path.is_file()]
    assert any(path.name == "model.safetensors" for path in files)
    assert not [path for path in files if path.suffix in (".pkl", ".pt", ".bin", ".joblib")]


def test_without_a_database_none_is_made_and_the_remedy_is_named(tmp_path: Path):
    with pytest.raises(ModelNotFoundError, match=r"no tracking database.*kedro run"):
        fetch_bundle_folder("models:/coherent-cxr@champion", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert list(tmp_path.iterdir()) == []


def test_where_none_has_become_champion_the_challenger_is_named(tracking):
    client = mlflow.MlflowClient()
    client.create_registered_model("coherent-cxr")
    version = client.create_model_version("coherent-cxr", "file:///nowhere").version
    client.set_registered_model_alias("coherent-cxr", "challenger", version)
    with pytest.raises(ModelNotFoundError, match="last one registered is 'models:/coherent-cxr@challenger'"):
        fetch_bundle_folder("models:/coherent-cxr@champion", tracking)


def test_an_unknown_model_is_named_with_the_stage_that_registers_one(tracking):
    with pytest.raises(ModelNotFoundError, match=r"models:/coherent-cxr@champion.*model_registration"):
        fetch_bundle_folder("models:/coherent-cxr@champion", tracking)
