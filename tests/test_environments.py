"""The environments beside conf/base load; the example for production keeps results in an object store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from omegaconf.errors import InterpolationResolutionError

from coherent_cxr.pipelines.systems import Systems
from coherent_cxr.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).resolve().parents[1] / "conf"
FOLDERS = {path.name for path in CONF.iterdir() if path.is_dir()}
ENVIRONMENTS = sorted(FOLDERS - {"base", "local"})


def loader(env: str) -> OmegaConfigLoader:
    arguments: dict[str, Any] = {**CONFIG_LOADER_ARGS, "config_patterns": {"mlflow": ["mlflow*"]}}
    return OmegaConfigLoader(CONF, env=env, **arguments)


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> OmegaConfigLoader:
    monkeypatch.setenv("COHERENT_CXR_SHARED_DATA", "memory://bucket/cxr")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
    return loader("production")


@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.slow
def test_an_environment_says_only_what_differs_and_of_known_entries(
    env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHERENT_CXR_SHARED_DATA", "memory://bucket/cxr")
    base, own = loader("base"), loader(env)
    assert Systems.of(own["parameters"])
    assert own["globals"]["data"] != base["globals"]["data"]
    before, after = base["catalog"], own["catalog"]
    assert set(after) == set(before)
    for name, entry in after.items():
        assert {**entry, "filepath": ""} == {**before[name], "filepath": ""}, name


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_where_results_stay_on_the_machine_a_model_carries_no_ids_and_no_report(
    env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHERENT_CXR_SHARED_DATA", "memory://bucket/cxr")
    parameters = loader(env)["parameters"]
    model = parameters["model_registration"]
    stays = bool(parameters["privacy"]["keep_artifacts_local"]) if "privacy" in parameters else False
    assert not (stays and (model["name_training_studies"] or model["sample_report"]))


@pytest.mark.slow
def test_production_keeps_results_in_the_object_store_and_the_rest_on_this_machine(
    production: dict[str, Any],
) -> None:
    catalog = DataCatalog.from_config(production["catalog"])
    names = {"metric": "F1", "labels": "14 labels", "average": "macro", "uncertain": "", "rules": "original"}
    metrics = {"system": "mle", **names, "value": 0.5, "low": 0.4, "high": 0.6}
    catalog["metrics"].save(pd.DataFrame([metrics]))
    catalog["metrics_summary"].save({"mle": {"BLEU-4": 0.5}})
    catalog["model_card"].save("# mle")
    again = DataCatalog.from_config(production["catalog"])
    assert again.load("metrics").to_dict("records") == [metrics]
    assert again.load("metrics_summary") == {"mle": {"BLEU-4": 0.5}}
    assert again.load("model_card") == "# mle"
    shared = [name for name, entry in production["catalog"].items() if "memory:" in entry["filepath"]]
    kinds = {production["catalog"][name]["type"].rpartition(".")[2] for name in shared}
    assert kinds == {"ParquetDataset", "JSONDataset", "TextDataset"}  # the others need a disk
    assert "memory:" not in str(production["parameters"])


def test_production_records_runs_at_the_server_that_a_variable_names(production: dict[str, Any]) -> None:
    config = KedroMlflowConfig.model_validate(production["mlflow"])
    assert config.server.mlflow_tracking_uri == "https://mlflow.example.org"
    assert not config.tracking.experiment.create_experiment_kwargs.artifact_location


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COHERENT_CXR_SHARED_DATA", raising=False)
    with pytest.raises(InterpolationResolutionError, match="COHERENT_CXR_SHARED_DATA"):
        loader("production")
