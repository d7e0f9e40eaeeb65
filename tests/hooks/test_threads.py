"""The switch for threads, in a small project of its own and on its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from kedro.io import DataCatalog, MemoryDataset

from coherent_cxr.hooks import HOOKS
from coherent_cxr.hooks.threads import VARIABLES, RuntimeConfig, ThreadsHook
from coherent_cxr.stopped import RunStoppedError
from helpers.settings import filled

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture
def threads():
    """Give this process its threads back."""
    environment, before = dict(os.environ), torch.get_num_threads()
    yield before
    for name in VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(environment)
    torch.set_num_threads(before)


def begin(**parameters: object) -> None:
    catalog = DataCatalog({f"params:{name}": MemoryDataset(value) for name, value in parameters.items()})
    ThreadsHook().before_pipeline_run({}, catalog)


@pytest.mark.slow
def test_one_parameter_sets_them_for_this_process_and_those_it_starts(threads):
    begin(runtime={"threads": 2})
    assert torch.get_num_threads() == 2
    begin(runtime={"threads": 1})
    assert torch.get_num_threads() == 1
    asked = "import torch; print(torch.get_num_threads())"
    child = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert child.stdout == "1\n"


@pytest.mark.parametrize("runtime", [{"threads": None}, {}, None])
def test_without_a_number_nothing_changes(threads, runtime):
    environment = dict(os.environ)
    begin(runtime=runtime)
    begin(other=1)
    assert torch.get_num_threads() == threads
    assert os.environ == environment


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ({"threads": 0}, "'runtime.threads' is 0; it must be null or a positive whole number"),
        ({"threads": -2}, "null or a positive"),
        ({"threads": 100_000}, "null or a positive whole number, at most 1024"),
        ({"processes": 10**9}, "null or a positive whole number, at most 1024"),
        ({"threads": "two"}, "two"),
        ({"thread": 1}, "Did you mean 'threads'"),
    ],
)
def test_an_impossible_value_stops_the_run(threads, runtime, message):
    with pytest.raises(RunStoppedError, match=message):
        begin(runtime=runtime)
    assert torch.get_num_threads() == threads


def test_the_switch_is_in_the_project_and_off():
    assert any(isinstance(hook, ThreadsHook) for hook in HOOKS)
    shipped = yaml.safe_load((CONF / "base" / "parameters.yml").read_text())
    assert filled(RuntimeConfig, **shipped["runtime"]).threads is None


@pytest.mark.slow
def test_a_run_takes_it_from_the_command_line(run, threads):
    run("reading", params={"runtime": {"threads": 1}})
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert torch.get_num_threads() == 1
