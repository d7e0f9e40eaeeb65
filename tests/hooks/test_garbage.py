"""Nodes run with Python's garbage collector as usual, although settings make it wait."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys

import pytest

from coherent_cxr.runtime.garbage import STARTING, collect_as_usual, collect_seldom


@pytest.mark.slow
def test_the_first_node_ends_what_settings_begin(run, disable_plugins, monkeypatch):
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
def test_settings_begin_it():
    asked = "import gc, coherent_cxr.settings; print(gc.get_threshold()[0])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == str(STARTING)
