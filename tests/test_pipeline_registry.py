"""All stages by name, each imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kedro.pipeline import Pipeline

from coherent_cxr.pipeline_registry import DEFAULT, EXTRA_STAGES, STAGES, register_pipelines

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
