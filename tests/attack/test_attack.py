"""A few tries of every kind of attack that needs no whole project; `make attack` makes the others."""

from __future__ import annotations

import importlib
import logging
from functools import partial
from pathlib import Path

import pytest

from helpers.forks import Forks

SEED = 20261128
HOUR = 3600
TRIES = {"report_tables": 6, "raw_reports": 8, "mimic": 2, "user_files": 2, "radiographs": 6, "tampered": 2}


@pytest.fixture(autouse=True)
def _campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the campaign import each other by their names."""
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRIES)
def test_a_few_tries_find_no_fault(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: a new one for each kind would import PyTorch again; the next test starts some."""
    from child import generator

    monkeypatch.chdir(tmp_path)
    try:
        attempt = importlib.import_module(kind).prepare(tmp_path)
        faults = [attempt(generator(kind, SEED, number), number) for number in range(TRIES[kind])]
    finally:
        logging.disable(logging.NOTSET)  # some kinds say nothing in their own process
    assert not any(faults), faults


@pytest.mark.slow
def test_a_command_is_attacked_without_fault(forks: Forks) -> None:
    from commands import attack_commands
    from tally import table

    counted = attack_commands(range(1, 2), 1, 20261128, HOUR, forks)
    assert not counted.faults, table([counted])
    assert counted.tries == 1


@pytest.mark.slow
def test_faults_of_the_product_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faulty.py").write_text(
        "import os, numpy\n"
        "SECONDS = 5\n"
        "def prepare(folder):\n"
        "    def attempt(rng, number):\n"
        "        if number == 1: raise ValueError('foreign bytes')\n"
        "        if number == 2: os.kill(os.getpid(), 11)\n"
        "        if number == 3: return 'a row was lost'\n"
        "        if number == 4: numpy.ones(150_000_000)\n"
        "        if number == 5:\n"
        "            while True: pass\n"
        "        return ''\n"
        "    return attempt\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import campaign
    import child

    monkeypatch.setitem(
        campaign.KINDS, "faulty", campaign.Kind(partial(child.attack_in_child, "faulty"), 7, 1.0)
    )
    for name, value in {"ONLY": "faulty", "SCALE": "1", "MINUTES": "60", "SEED": "1"}.items():
        monkeypatch.setenv(f"ATTACK_{name}", value)
    assert campaign.main() == 1
    told = capsys.readouterr().out
    (row,) = [line.split() for line in told.splitlines() if line.startswith("faulty")]
    tries, wanted, *counts = map(int, row[1:7])
    assert (tries, wanted) == (7, 7)
    assert counts == [2, 1, 1, 1]  # crashes, hangs, over 1 GB, wrong
    for number in range(1, 6):
        assert f"ATTACK_SEED=1 ATTACK_ONLY=faulty:{number}" in told
