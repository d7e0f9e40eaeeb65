"""A few tries of every kind of attack that needs no whole project; `make attack` makes the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.forks import Forks

SCALE = 0.002
HOUR = 3600


@pytest.fixture(autouse=True)
def _campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the campaign import each other by their names."""
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["report_tables", "raw_reports", "mimic", "user_files", "radiographs", "tampered"]
)
def test_a_few_tries_find_no_fault(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import campaign

    for name, value in {"ONLY": kind, "SCALE": str(SCALE), "MINUTES": "60"}.items():
        monkeypatch.setenv(f"ATTACK_{name}", value)
    assert campaign.main() == 0, capsys.readouterr()
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(kind)]
    _, tries, wanted, *_ = row.split()
    assert int(tries) == int(wanted) > 0


@pytest.mark.slow
def test_a_command_is_attacked_without_fault(forks: Forks) -> None:
    from commands import attack_commands
    from tally import table

    counted = attack_commands(range(1, 2), 1, 20261128, HOUR, forks)
    assert not counted.faults, table([counted])
    assert counted.tries == 1


def test_faults_of_the_product_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
