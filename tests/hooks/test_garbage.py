"""Nodes run with Python's garbage collector as usual, although ``kedro run`` makes it wait."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys

import pytest

from coherent_cxr.runtime.garbage import STARTING, collect_as_usual, collect_seldom

USES_FILES = """
import gc, os, tempfile

FOLDER = os.environ["FOLDER"]
PLAIN = open(FOLDER + "/plain", "w")
BINARY = open(FOLDER + "/binary", "wb")
PASSING = tempfile.NamedTemporaryFile(dir=FOLDER, prefix="passing")

def write(record):  # and nobody closes anything
    PLAIN.write(f"{gc.get_threshold()[0]} {gc.get_freeze_count() > 0}")
    BINARY.write(b"binary")
    return "written"
"""
REGISTRY = """

def register_pipelines(made=register_pipelines):
    from tiny_project.uses_files import write
    writing = Pipeline([Node(write, "params:reading", "done", name="write")])
    return {**made(), "__default__": writing}
"""


@pytest.mark.slow
def test_the_pipeline_ends_what_the_command_begins(run, disable_plugins, monkeypatch):
    disable_plugins("kedro_mlflow")
    importlib.invalidate_caches()
    nodes, seen = importlib.import_module("tiny_project.nodes"), []
    monkeypatch.setattr(nodes, "MEANWHILE", [lambda: seen.append(gc.get_threshold()[0])])
    try:
        collect_as_usual()
        usual = gc.get_threshold()[0]
        collect_seldom.cache_clear()
        collect_seldom()
        run("interleaved")
    finally:
        collect_as_usual()
        gc.unfreeze()
    assert seen == [usual]
    assert usual < STARTING


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner"])
def test_what_a_node_leaves_open_is_written_and_closed(project, package_folder, tmp_path, runner):
    package = tmp_path / "code" / "tiny_project"
    package.mkdir(parents=True)
    for file in (package_folder / "tiny_project").glob("*.py"):
        (package / file.name).write_text(file.read_text())
    (package / "uses_files.py").write_text(USES_FILES)
    with (package / "pipeline_registry.py").open("a") as registry:
        registry.write(REGISTRY)
    folder = tmp_path / "left"
    folder.mkdir()
    paths = os.pathsep.join([str(package.parent), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--runner", runner],
        cwd=project,
        env={**os.environ, "PYTHONPATH": paths, "FOLDER": str(folder)},
        capture_output=True,
        check=True,
    )
    assert sorted(path.name for path in folder.iterdir()) == ["binary", "plain"]
    assert (folder / "plain").read_text() == f"{gc.get_threshold()[0]} True"
    assert (folder / "binary").read_bytes() == b"binary"


@pytest.mark.slow
def test_reading_the_settings_begins_nothing():
    asked = "import coherent_cxr.settings, gc; print(gc.get_threshold()[0])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == str(gc.get_threshold()[0])
