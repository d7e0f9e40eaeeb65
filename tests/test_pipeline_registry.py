"""All stages by name, each imported when it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from kedro.pipeline import Pipeline
from kedro.utils import load_obj
from kedro.validation import Validator

from coherent_cxr.cli.run import _complete_names
from coherent_cxr.pipeline_registry import (
    BY_SYSTEM,
    DEFAULT,
    EXTRA_STAGES,
    STAGES,
    full_node_name,
    register_pipelines,
)
from coherent_cxr.pipelines.systems import current
from coherent_cxr.stopped import RunStoppedError
from helpers.conf import BASE, read_conf

REPOSITORY = Path(__file__).resolve().parents[1]
CATALOG = f"""
import sys
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from coherent_cxr.settings import CONFIG_LOADER_ARGS
catalog = DataCatalog.from_config(OmegaConfigLoader({str(BASE.parent)!r}, **CONFIG_LOADER_ARGS)["catalog"])
for name in catalog:
    catalog[name]
print(*sys.modules)
"""
CALL = """
import sys
from coherent_cxr.pipeline_registry import register_pipelines
found = register_pipelines()
for name in sys.argv[1:]:
    found[name].nodes
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_every_folder_of_pipelines_is_a_stage_and_the_default_is_the_stages_together():
    folder = Path(__file__).parents[1] / "src" / "coherent_cxr" / "pipelines"
    folders = {place.parent.name for place in folder.glob("*/pipeline.py")}
    stages = register_pipelines()
    assert set(stages) == {DEFAULT, *folders}
    assert len(stages) == len(list(stages)) == 1 + len(STAGES) + len(EXTRA_STAGES)
    assert all(isinstance(pipeline, Pipeline) and pipeline.nodes for pipeline in dict(stages).values())
    together = {node.name for name in STAGES for node in stages[name].nodes}
    assert {node.name for node in stages[DEFAULT].nodes} == together


def test_every_node_says_whether_it_runs_a_network():
    nodes = [node for stage in register_pipelines().values() for node in stage.nodes]
    assert [node.name for node in nodes if len(node.tags & {"cpu", "gpu"}) != 1] == []


def test_whatever_people_read_can_be_made_again_from_what_a_run_has_kept():
    kept = {
        name
        for path in BASE.glob("*/catalog.yml")
        for name in read_conf(f"{path.parent.name}/catalog.yml", "")
    }
    needed = register_pipelines()[DEFAULT].only_nodes_with_tags("report").inputs()
    artifacts = {name for name in needed if not name.startswith("params:")}
    assert "metrics" in artifacts
    assert {re.sub(r"^\w+\.", "{system}.", name) for name in artifacts} <= kept


def test_every_table_that_another_stage_reads_has_a_validator():
    entries = {}
    for stage in STAGES:
        entries |= read_conf(f"{stage}/catalog.yml", "")
    stages = register_pipelines()
    read = {name for stage in stages if stage != DEFAULT for name in stages[stage].inputs()}
    tables = {
        name: entries[name]
        for name in {re.sub(r"^\w+\.", "{system}.", name) for name in read} & entries.keys()
        if entries[name]["type"].endswith(("ParquetDataset", "CSVDataset"))
    }
    assert {"studies", "findings", "label_calls", "{system}.rl_history"} <= tables.keys()
    assert [name for name, entry in tables.items() if "validator" not in entry] == []
    assert all(isinstance(load_obj(entry["validator"]), Validator) for entry in tables.values())


def test_every_stage_is_a_box_whose_datasets_and_settings_keep_their_names():
    stages = register_pipelines()
    for name in (*STAGES, *EXTRA_STAGES):
        made = import_module(f"coherent_cxr.pipelines.{name}").create_pipeline
        plain = made(current()) if name in BY_SYSTEM else made()
        assert stages[name].datasets() == plain.datasets()
        assert {f"{name}.{node.name}" for node in plain.nodes} == {node.name for node in stages[name].nodes}
    boxes = {str(node.namespace).partition(".")[0] for node in stages[DEFAULT].nodes}
    assert boxes == set(STAGES)


LAYERS = ["raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting"]


def test_layers_never_turn_back_so_that_kedro_viz_can_order_them():
    layers = {
        re.sub(r"^\{\w+\}\.", "", name): LAYERS.index(entry["metadata"]["kedro-viz"]["layer"])
        for path in BASE.glob("*/catalog.yml")
        for name, entry in read_conf(f"{path.parent.name}/catalog.yml", "").items()
        if not name.startswith("_")
    }

    def layers_of(names):
        own = [re.sub(r"^\w+\.(?=rl_)", "", name) for name in names if not name.startswith("params:")]
        return [layers[name] for name in own if name in layers]

    stages = register_pipelines()
    boxes = {stage: (stages[stage].inputs(), stages[stage].all_outputs()) for stage in STAGES}
    nodes = {node.name: (node.inputs, node.outputs) for node in stages[DEFAULT].nodes}
    for name, (read, written) in (nodes | boxes).items():  # Kedro-Viz folds a stage into a box
        assert max(layers_of(read), default=0) <= min(layers_of(written), default=9), name


def test_every_node_is_described_where_kedro_viz_shows_its_code():
    nodes = [node for stage in register_pipelines().values() for node in stage.nodes]
    assert [node.name for node in nodes if not (node.func.__doc__ or "").strip().endswith(".")] == []


NODES = ("a.x", "b.full.y", "b.nlg.y", "b.z", "c.z")


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("x", "a.x"),
        ("a.x", "a.x"),
        ("full.y", "b.full.y"),
        ("y", "y"),
        ("z", "z"),
        ("ull.y", "ull.y"),
        ("", ""),
    ],
)
def test_the_stage_of_a_node_may_be_left_out(given, full):
    assert full_node_name(given, NODES) == full


def test_a_node_that_is_not_there_is_named_with_those_that_may_be_meant(monkeypatch):
    monkeypatch.setattr("coherent_cxr.cli.run.pipelines", register_pipelines())
    monkeypatch.setattr("coherent_cxr.cli.run.systems.follow", lambda loader: None)  # those of this folder
    options = {"conf_source": None, "env": None, "node_names": ["train_mle"], "from_nodes": ["fine_tune"]}
    with pytest.raises(
        RunStoppedError, match=r"'fine_tune' \(--from-nodes\)\. It may be rl_fine_tuning\.ccr"
    ):
        _complete_names(REPOSITORY, options)
    options["from_nodes"] = []
    _complete_names(REPOSITORY, options)
    assert options["node_names"] == ["mle_training.train_mle"]
    with pytest.raises(RunStoppedError, match="Did you mean 'train_mle'"):
        _complete_names(REPOSITORY, {**options, "node_names": ["train_mel"]})


def test_a_namespace_is_found_without_its_stage(monkeypatch):
    monkeypatch.setattr("coherent_cxr.cli.run.pipelines", register_pipelines())
    monkeypatch.setattr("coherent_cxr.cli.run.systems.follow", lambda loader: None)  # those of this folder
    options = {"conf_source": None, "env": None, "namespaces": ["nlg", "mle_training"]}
    _complete_names(REPOSITORY, options)
    assert options["namespaces"] == ["rl_fine_tuning.nlg", "mle_training"]
    with pytest.raises(RunStoppedError, match=r"no namespace 'nlgg' \(--namespaces\)\. Did you mean 'nlg'"):
        _complete_names(REPOSITORY, {**options, "namespaces": ["nlgg"]})


def test_an_unknown_name_is_no_stage():
    stages = register_pipelines()
    assert "mle_trainign" not in stages
    with pytest.raises(KeyError):
        stages["mle_trainign"]


@pytest.mark.slow
def test_a_stage_of_tables_imports_no_network_and_no_figure():
    asked = [sys.executable, "-c", CALL, "findings_extraction", "chexpert_labelling", "vocabulary_building"]
    imported = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    assert "pandas" in imported
    assert not {"torch", "sklearn", "scipy", "matplotlib"} & set(imported)


@pytest.mark.slow
def test_making_the_whole_catalog_imports_no_network_and_no_figure():
    imported = subprocess.run([sys.executable, "-c", CATALOG], capture_output=True, text=True, check=True)
    assert "coherent_cxr.datasets.figure" in imported.stdout.split()
    assert not {"torch", "sklearn", "scipy", "matplotlib", "pydicom"} & set(imported.stdout.split())
