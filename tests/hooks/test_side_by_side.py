"""Tagged nodes run at the same time in processes of their own; everything else about a run stays."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pluggy
import pytest
from kedro.framework.hooks.specs import DatasetSpecs, NodeSpecs, PipelineSpecs
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner, ThreadRunner
from kedro_datasets.json import JSONDataset

from coherent_cxr.hooks import HOOKS
from coherent_cxr.hooks.side_by_side import TAG, SideBySideHook
from coherent_cxr.hooks.threads import RuntimeConfig
from coherent_cxr.pipeline_registry import register_pipelines
from coherent_cxr.pipelines.systems import current
from coherent_cxr.runtime.cores import usable_cores
from helpers import children_work
from helpers.settings import filled


@dataclasses.dataclass
class Ranks:
    """Settings of a training with ranks of its own."""

    processes: int


def work(name, folder, others):
    return children_work.meet(folder, name, others)


def read(given):
    return given


def gather(*made):
    return list(made)


NODES = [
    Node(read, "given", "folder", name="read"),
    *(
        Node(work, [f"params:{name}", "folder", "params:others"], f"made_{name}", name=name, tags=TAG)
        for name in ("a", "b")
    ),
    Node(work, ["params:late", "made_a", "params:others"], "made_late", name="late", tags=TAG),
    Node(gather, ["made_a", "made_b"], "all", name="gather"),
]


class Run:
    """A run with the hook alone."""

    def __init__(
        self, folder: Path, /, nodes=("read", "a", "b", "gather"), runner=None, missing=False, **values
    ):
        self.hook = SideBySideHook()
        manager = pluggy.PluginManager("kedro")
        for specification in (DatasetSpecs, NodeSpecs, PipelineSpecs):
            manager.add_hookspecs(specification)
        manager.register(self.hook)
        self.pipeline = Pipeline([node for node in NODES if node.name in nodes])
        given = {"given": str(folder), "params:others": 2, "params:a": "a", "params:b": "b"} | values
        self.catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()})
        for name in ("all", "made_a", "made_b"):
            self.catalog[name] = JSONDataset(filepath=f"{folder}_{name}.json")
        parameters = {"only_missing_outputs": missing}
        manager.hook.before_pipeline_run(run_params=parameters, pipeline=self.pipeline, catalog=self.catalog)
        try:
            (runner or SequentialRunner()).run(
                self.pipeline, self.catalog, manager, only_missing_outputs=missing
            )
        except Exception as error:
            manager.hook.on_pipeline_error(
                error=error, run_params=parameters, pipeline=self.pipeline, catalog=self.catalog
            )
            raise
        manager.hook.after_pipeline_run(
            run_params=parameters, run_result={}, pipeline=self.pipeline, catalog=self.catalog
        )

    def processes(self) -> list[int]:
        return [made["process"] for made in self.catalog.load("all")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def runtime(**settings):
    return {"params:runtime": settings}


@pytest.mark.slow
def test_tagged_nodes_meet_in_processes_of_their_own_and_their_results_are_saved(folder):
    run = Run(folder, **runtime(processes=2))
    a, b = run.catalog.load("all")
    assert (a["name"], b["name"]) == ("a", "b")
    assert a["met"] == b["met"] == 2
    assert len({a["process"], b["process"], os.getpid()}) == 3
    assert a["threads"] == b["threads"] == 1
    assert all(node.func in (read, work, gather) for node in run.pipeline.nodes)


@pytest.mark.parametrize(
    "change",
    [
        {"params:runtime": {"processes": 1}},
        {"params:runtime": {"processes": 2, "threads": 2}, "params:others": Ranks(2)},
    ],
)
def test_one_at_a_time_or_with_ranks_of_their_own_they_stay_in_this_process(folder, monkeypatch, change):
    monkeypatch.setattr(children_work, "meet", lambda *given: {"process": os.getpid()})
    assert Run(folder, **change).processes() == [os.getpid()] * 2


def test_started_from_outside_as_ranks_or_in_threads_they_stay_in_this_process(folder, monkeypatch):
    monkeypatch.setattr(children_work, "meet", lambda *given: {"process": os.getpid()})
    assert Run(folder, runner=ThreadRunner(), **runtime(processes=2)).processes() == [os.getpid()] * 2
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert Run(folder, **runtime(processes=2)).processes() == [os.getpid()] * 2


@pytest.mark.slow
def test_what_is_made_already_is_not_started_when_only_missing_outputs_are_wanted(folder):
    JSONDataset(filepath=f"{folder}_made_a.json").save({"process": 0})
    values = {"folder": str(folder), "params:others": 1, **runtime(processes=2)}
    run = Run(folder, ("a", "b"), missing=True, **values)
    assert not folder.joinpath("a").exists()
    assert run.catalog.load("made_a") == {"process": 0}
    assert run.catalog.load("made_b")["process"] not in (0, os.getpid())


@pytest.mark.slow
def test_a_failing_node_raises_its_error_and_the_others_end(folder):
    with pytest.raises(TypeError, match="'<' not supported"):
        Run(folder, **{"params:others": "many"}, **runtime(processes=2))
    assert all(node.func in (read, work, gather) for node in NODES)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (usable_cores(), 1)),
        ({"threads": usable_cores()}, (1, usable_cores())),
        ({"threads": 1024}, (1, 1024)),
        ({"processes": 3}, (3, 1)),
        ({"processes": 3, "threads": 2}, (3, 2)),
    ],
)
def test_as_many_at_once_as_there_are_cores_for_their_threads(monkeypatch, settings, expected):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert filled(RuntimeConfig, **settings).side_by_side() == expected
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert filled(RuntimeConfig, **settings).side_by_side()[0] == settings.get("processes", 1)


def test_the_reinforcement_runs_are_meant():
    assert any(isinstance(hook, SideBySideHook) for hook in HOOKS)
    tagged = {node.name for node in register_pipelines()["__default__"].nodes if TAG in node.tags}
    reinforced = current().reinforced  # those of the run before in this process
    assert {"nlg", "full"} <= set(reinforced)
    assert tagged == {f"rl_fine_tuning.{system}.fine_tune" for system in reinforced}
