"""All stages by name, each imported when it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.pipeline import Pipeline
from kedro.utils import load_obj
from kedro.validation import Validator

from coherent_cxr.pipeline_registry import DEFAULT, EXTRA_STAGES, STAGES, register_pipelines
from helpers.conf import BASE, read_conf

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


def test_an_unknown_name_is_no_stage():
    stages = register_pipelines()
    assert "mle_trainign" not in stages
    with pytest.raises(KeyError):
        stages["mle_trainign"]


def test_a_stage_of_tables_imports_no_network_and_no_figure():
    asked = [sys.executable, "-c", CALL, "findings_extraction", "chexpert_labelling", "vocabulary_building"]
    imported = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    assert "pandas" in imported
    assert not {"torch", "sklearn", "scipy", "matplotlib"} & set(imported)
