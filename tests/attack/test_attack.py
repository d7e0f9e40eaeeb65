"""A few tries of every kind of attack that needs no whole project; `make attack` makes the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLACES = [HERE, HERE.parent, HERE.parents[1] / "src"]


@pytest.mark.parametrize(
    "kind", ["report_tables", "raw_reports", "mimic", "user_files", "radiographs", "commands", "tampered"]
)
def test_a_few_tries_find_no_fault(kind: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, PLACES)),
        "ATTACK_ONLY": kind,
        "ATTACK_SCALE": "0.002",
        "ATTACK_MINUTES": "60",
    }
    command = [sys.executable, str(HERE / "campaign.py")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    assert kind in ended.stdout


def test_faults_of_the_product_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in PLACES:
        monkeypatch.syspath_prepend(place)
    (tmp_path / "faulty.py").write_text(
        "import os, numpy\n"
        "SECONDS = 4\n"
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
    import child
    import tally

    counted = child.attack_in_child("faulty", range(7), 7, 1, 1000)
    assert [(kind, number) for kind, number, _ in counted.faults] == [
        ("crash", 1), ("crash", 2), ("wrong", 3), ("memory", 4), ("hang", 5),
    ]  # fmt: skip
    assert counted.tries == 7
    assert "ATTACK_ONLY=faulty:3" in tally.table([counted])
