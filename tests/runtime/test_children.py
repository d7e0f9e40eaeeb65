"""Functions in processes of their own: what comes back, and what ends them."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coherent_cxr.runtime.children import ChildError, Children
from coherent_cxr.training.engine.checkpoint import Checkpoints
from helpers import children_work


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition, seconds: float = 300.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def children():
    made = Children(2, 1)
    yield made
    made.end(patience=0)


@pytest.mark.slow
def test_calls_run_at_the_same_time_with_their_threads_and_log_here(children, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    for name in ("a", "b", "c"):  # the third has to wait until one of the others has ended
        children.add(name, children_work.meet, (tmp_path, name, 2))
    assert all(name in children for name in ("a", "b", "c"))
    results = {name: children.result(name) for name in ("c", "a", "b")}
    assert "a" not in children
    with pytest.raises(KeyError):
        children.result("a")
    assert {name: found["name"] for name, found in results.items()} == {"a": "a", "b": "b", "c": "c"}
    assert len({os.getpid(), *(found["process"] for found in results.values())}) == 4
    assert {found["threads"] for found in results.values()} == {1}
    assert results["a"]["met"] == results["b"]["met"] == 2
    assert {(record.name, record.getMessage()) for record in caplog.records} == {
        ("work", f"{name} is at it") for name in "abc"
    }


@pytest.mark.slow
def test_children_have_pytorch_without_importing_it(children):
    for name in "ab":
        children.add(name, children_work.time_before, ())
    assert max(children.result(name) for name in "ab") < 0.5  # the import takes two seconds and more


@pytest.mark.slow
def test_an_error_is_raised_with_its_trace_and_ends_the_others(children, tmp_path):
    children.add("slow", children_work.meet, (tmp_path, "slow", 99))
    wait_for((tmp_path / "slow").exists)
    children.add("wrong", children_work.fail, ("broken on purpose",))
    with pytest.raises(KeyError, match="broken on purpose") as raised:
        children.result("wrong")
    assert "children_work.py" in raised.value.__notes__[0]
    assert "slow" not in children
    assert not alive(int((tmp_path / "slow").read_text()))


@pytest.mark.slow
def test_an_error_that_cannot_travel_is_told_all_the_same(children):
    children.add("wrong", children_work.fail_with_two, ("one", "two"))
    with pytest.raises(RuntimeError, match="ErrorOfTwo: one and two"):
        children.result("wrong")


@pytest.mark.slow
def test_a_process_that_is_killed_is_a_sentence(children, tmp_path):
    children.add("slow", children_work.meet, (tmp_path, "slow", 99))
    wait_for((tmp_path / "slow").exists)
    os.kill(int((tmp_path / "slow").read_text()), signal.SIGKILL)
    with pytest.raises(ChildError, match=r"'slow' ended without a result \(exit status -9"):
        children.result("slow")


@pytest.mark.parametrize(
    ("number", "to_all", "status"), [(signal.SIGINT, True, 130), (signal.SIGKILL, False, -9)]
)
@pytest.mark.slow
def test_ctrl_c_and_a_kill_leave_a_checkpoint_and_no_process(tmp_path, number, to_all, status):
    """Ctrl-C goes to all processes of a terminal; a kill to one, whose child notices by itself."""
    parent = subprocess.Popen(
        [sys.executable, str(Path(children_work.__file__)), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # xdist ignores it
    )
    wait_for(lambda: parent.poll() is not None or (tmp_path / "steps").exists())
    assert parent.poll() is None, parent.communicate()
    child = int((tmp_path / "steps").read_text())
    (os.killpg if to_all else os.kill)(parent.pid, number)
    _, told = parent.communicate(timeout=120)
    assert parent.returncode == status, told
    assert "Traceback" not in told
    wait_for(lambda: not alive(child))
    state, _ = Checkpoints(tmp_path / "toy").load()
    assert state["step"] > 0


class ImportedInTheChild:
    def __reduce__(self):
        return children_work.from_module, ("helpers.own_log", "tell")


@pytest.mark.slow
def test_a_child_logs_nowhere_else(children, caplog, capfd, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])  # other tests' runs leave theirs
    children.add("one", ImportedInTheChild(), ())
    children.result("one")
    assert [record.getMessage() for record in caplog.records if record.name == "work"] == ["said in a child"]
    assert "said in a child" not in capfd.readouterr().err


@pytest.mark.slow
def test_logs_of_a_child_obey_the_levels_of_this_process(children, tmp_path, caplog):
    caplog.set_level(logging.ERROR, logger="work")
    children.add("a", children_work.meet, (tmp_path, "a", 1))
    children.result("a")
    assert not [
        record for record in caplog.records if record.levelno < logging.ERROR and record.name == "work"
    ]
