"""The parameters say which systems are trained, evaluated and registered."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader

from coherent_cxr.pipeline_registry import register_pipelines
from coherent_cxr.pipelines import evaluation, model_registration, rl_fine_tuning, systems
from coherent_cxr.pipelines.systems import Systems
from coherent_cxr.stopped import RunStoppedError

REPOSITORY = Path(__file__).resolve().parents[2]


def parameters(*names: str, main: str = "mle", **others: Any) -> dict[str, Any]:
    sections = {name: {"rl_fine_tuning": {"system": name}} for name in names}
    return {"systems": list(names), "main_system": main, **sections, **others}


def test_a_fifth_system_is_trained_evaluated_and_registered():
    named = Systems.of(parameters("nlg", "ccr", "full", "full_fbeta", "fluent_2", main="fluent_2"))
    trained = rl_fine_tuning.create_pipeline(named)
    assert [n.name for n in trained.nodes if n.name.startswith("fluent_2.")] == [
        "fluent_2.fine_tune",
        "fluent_2.draw_curves",
    ]
    assert "params:fluent_2.rl_fine_tuning" in trained.inputs()
    nodes = {node.name: node for node in evaluation.create_pipeline(named).nodes}
    for name in ("generate_reports", "measure_consensus", "look_where_it_looked", "write_results_page"):
        assert "fluent_2.rl_model" in nodes[name].inputs
    assert "full.rl_model" not in nodes["look_where_it_looked"].inputs
    assert "fluent_2.rl_history" in nodes["draw_figures"].inputs
    for node in model_registration.create_pipeline(named).nodes:
        assert "fluent_2.rl_model" in node.inputs


def test_the_likelihood_trained_model_alone_needs_no_reinforced_one():
    alone = Systems.of(parameters())
    assert rl_fine_tuning.create_pipeline(alone).nodes == []
    for stage in (evaluation, model_registration):
        needed = stage.create_pipeline(alone).inputs()
        assert "mle_model" in needed
        assert not [name for name in needed if name.endswith((".rl_model", ".rl_history"))]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"systems": "nlg"}, "'systems' is 'nlg'; it must be a list of names"),
        ({"systems": None}, "'systems' is 'None'; it must be a list"),
        ({"systems": [1]}, "must be a list of names"),
        (parameters("nlg", "nlg"), "must be different names"),
        (parameters("mle"), "none of mle, encoder, baselines"),
        (parameters("a.b"), "small letters, digits and underscores"),
        (parameters("a b"), "small letters"),
        (parameters("nlg", nlg=None), "no 'nlg.rl_fine_tuning' with its settings"),
        (parameters("nlg", nlg={"rl_fine_tuning": 3}), "no 'nlg.rl_fine_tuning'"),
        (
            parameters("nlg", nlg={"rl_fine_tuning": {"system": "ccr"}}),
            "'nlg.rl_fine_tuning.system' is 'ccr'",
        ),
        (parameters("nlg", main="full"), "'main_system' is 'full'; it must be one of mle, nlg"),
        (parameters(main="nlg"), "'main_system' is 'nlg'; it must be one of mle,"),
    ],
)
def test_systems_that_cannot_be_trained_are_refused_in_a_sentence(given, message):
    with pytest.raises(RunStoppedError, match=re.escape(message)):
        Systems.of(given)


def test_a_system_may_not_be_called_as_other_data_of_a_node_is():
    with pytest.raises(RunStoppedError, match="without 'findings', which is the name of other data"):
        evaluation.create_pipeline(Systems(("findings",), "mle"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project around the current folder, of which no context was created."""
    (tmp_path / "project" / "src").mkdir(parents=True)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path / "project")
    shutil.copytree(REPOSITORY / "conf" / "base", tmp_path / "project" / "conf" / "base")
    (tmp_path / "project" / "conf" / "local").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(systems, "_of_context", None)
    return tmp_path / "project"


def trained() -> set[str]:
    """Their namespaces, below that of the stage."""
    nodes = register_pipelines()["rl_fine_tuning"].nodes
    return {str(node.namespace).removeprefix("rl_fine_tuning.") for node in nodes}


def test_pipelines_follow_the_newest_context_and_before_it_the_project_and_its_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained() == {"nlg", "ccr", "full", "full_fbeta"}
    (project / "conf" / "local" / "parameters.yml").write_text("systems: [ccr]\nmain_system: ccr\n")
    systems.follow(OmegaConfigLoader(project / "conf", base_env="base", default_run_env="local"))
    assert trained() == {"ccr"}
    arguments = {"base_env": "base", "merge_strategy": {"parameters": "soft"}, "env": "two"}
    (project / "conf" / "two").mkdir()
    (project / "conf" / "two" / "parameters.yml").write_text("systems: [nlg, full]\n")
    systems.follow(OmegaConfigLoader(project / "conf", **arguments))
    assert trained() == {"nlg", "full"}


def test_outside_a_project_it_is_said_that_the_systems_are_not_known(project: Path, monkeypatch) -> None:
    monkeypatch.chdir(project.parent)
    with pytest.raises(RunStoppedError, match=r"no folder .*conf' with the parameter 'systems'"):
        trained()
    assert register_pipelines()["mle_training"].nodes  # other stages do not depend on them
