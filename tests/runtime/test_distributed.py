from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from coherent_cxr.runtime.distributed import World, current_world, run_in_ranks
from helpers.commands import REPOSITORY
from helpers.forks import Command, Forks


def test_alone_every_exchange_is_with_oneself():
    world = World()
    assert world.leads
    assert world.gather(3) == [3]
    assert world.from_leader("a") == "a"
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    world.add_gradients([parameter])
    assert parameter.grad.tolist() == [1.0, 2.0]


def test_one_process_calls_the_function_right_here():
    assert run_in_ranks(os.getpid, 1) == os.getpid()
    assert current_world() == World()


@pytest.mark.slow
def test_ranks_start_work_together_and_leave_nothing_behind():
    before = dict(os.environ)
    assert run_in_ranks(current_world, 2) == World(rank=0, size=2)
    assert os.environ == before
    assert current_world() == World()
    assert not torch.distributed.is_initialized()


@pytest.mark.slow
def test_a_rank_that_fails_is_an_error(monkeypatch):
    # The other rank cannot import the function's module, so it fails on being told what to do.
    only_here = ModuleType("only_here")
    monkeypatch.setitem(sys.modules, "only_here", only_here)
    monkeypatch.setattr(only_here, "succeed", succeed, raising=False)
    monkeypatch.setattr(succeed, "__module__", "only_here")
    with pytest.raises(RuntimeError, match="rank 1 of 2 ended with exit status 1"):
        run_in_ranks(succeed, 2)


def succeed() -> None:
    return None


@pytest.mark.slow
def test_a_rank_that_dies_before_it_joins_ends_the_run_at_once(tmp_path: Path, forks: Forks):
    # In a process of its own: rank 0 would wait for hours if it did not notice.
    broken = tmp_path / "broken" / "coherent_cxr"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('half an installation')")
    code = (
        "import os; from coherent_cxr.runtime.distributed import current_world, run_in_ranks;"
        f"os.environ['PYTHONPATH'] = {str(broken.parent)!r};"  # of the ranks that it starts
        "run_in_ranks(current_world, 2)"
    )
    said = tmp_path / "said"
    with said.open("wb") as log:
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
        process = forks.start(Command(["-c", code], tmp_path, log.fileno(), environment))
    try:
        assert process.wait(60).code == 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert "ImportError: half an installation" in said.read_text()
    assert "Training rank 1 of 2 ended with exit status 1 before the training began" in said.read_text()


@pytest.mark.slow
def test_ranks_started_by_torchrun_work_for_the_first_one(tmp_path: Path):
    # The command of docs/training.md, with a call in the place of `kedro run`.
    lead = (
        "from coherent_cxr.runtime.distributed import current_world, run_in_ranks;"
        "print([run_in_ranks(current_world, 1).size for _ in range(2)])"
    )
    command = (
        f'if [ "$RANK" = 0 ]; then python -c "{lead}"; else python -m coherent_cxr.runtime.distributed; fi'
    )
    binaries = Path(sys.executable).parent
    ran = subprocess.run(
        [
            str(binaries / "torchrun"),
            "--standalone",
            "--nproc-per-node",
            "2",
            "--no-python",
            "bash",
            "-c",
            command,
        ],
        env=os.environ
        | {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY / "src"),  # not what earlier tests left there
            "OMP_NUM_THREADS": "1",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[2, 2]"
