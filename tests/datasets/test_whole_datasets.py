"""Every entry of the catalog is saved whole or not at all, and a run loads what it has saved itself."""

from __future__ import annotations

import base64
import importlib
import json
import logging
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.io import DataCatalog, DatasetError
from matplotlib.figure import Figure
from PIL import Image

from coherent_cxr.datasets.whole import WholeDataset

REPOSITORY = Path(__file__).resolve().parents[2]
JANUARY, FEBRUARY, MARCH = (f"2026-0{month}-01T00.00.00.000Z" for month in (1, 2, 3))
KINDS = {
    "table": ("tables.ParquetDataset", "table.parquet"),
    "sheet": ("tables.CSVDataset", "sheet.csv"),
    "record": ("json_file.JSONDataset", "record.json"),
    "page": ("text_file.TextDataset", "page.html"),
}


def _catalog(folder: Path, versioned: bool = True, **versions: Any) -> DataCatalog:
    entries = {
        name: {
            "type": f"coherent_cxr.datasets.{kind}",
            "filepath": str(folder / file),
            "versioned": versioned,
        }
        for name, (kind, file) in KINDS.items()
    }
    for name in ("table", "sheet"):
        entries[name]["save_args"] = {"index": False}
    return DataCatalog.from_config(entries, **versions)


def _data(name: str, value: int) -> Any:
    if name in ("table", "sheet"):
        return pd.DataFrame({"value": [value]})
    return {"value": value} if name == "record" else f"<html>{value}</html>"


def _equal(name: str, loaded: Any, value: int) -> bool:
    expected = _data(name, value)
    return bool(loaded.equals(expected)) if isinstance(expected, pd.DataFrame) else loaded == expected


def test_every_entry_of_every_environment_is_written_whole() -> None:
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted((REPOSITORY / "conf").glob("*/**/catalog*.yml")):
        entries |= yaml.safe_load(path.read_text()) or {}
    assert len(entries) > 50
    for name, entry in entries.items():
        if name.startswith("_"):
            continue
        module, _, kind = entry["type"].rpartition(".")
        assert module.startswith("coherent_cxr.datasets"), name
        assert issubclass(getattr(importlib.import_module(module), kind), WholeDataset), name


@pytest.mark.parametrize("name", KINDS)
def test_two_runs_at_once_load_what_each_has_saved(tmp_path: Path, name: str) -> None:
    older, newer = _catalog(tmp_path, save_version=JANUARY), _catalog(tmp_path, save_version=FEBRUARY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Kedro warns where a run would load another's version
        newer.save(name, _data(name, 2))
        older.save(name, _data(name, 1))
    for _ in range(2):
        assert _equal(name, older.load(name), 1)
        assert _equal(name, newer.load(name), 2)
        older.release(name)
        newer.release(name)
    assert older.get(name).resolve_load_version() == JANUARY
    assert _equal(name, _catalog(tmp_path).load(name), 2)  # a third run reads the newest
    pinned = _catalog(tmp_path, save_version=MARCH, load_versions={name: JANUARY})
    assert _equal(name, pinned.load(name), 1)


def test_an_input_stays_the_same_through_a_run(tmp_path: Path) -> None:
    _catalog(tmp_path, save_version=JANUARY).save("table", _data("table", 1))
    reader = _catalog(tmp_path, save_version=FEBRUARY)
    assert reader.exists("table")
    _catalog(tmp_path, save_version=MARCH).save("table", _data("table", 3))
    assert _equal("table", reader.load("table"), 1)


@pytest.mark.parametrize("name", ["table", "record"])
@pytest.mark.parametrize("half", [b"", b"PAR1 and then nothing", b'{"value": '])
def test_a_version_cut_short_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, half: bytes
) -> None:
    file = KINDS[name][1]
    cut = tmp_path / file / FEBRUARY
    cut.mkdir(parents=True)
    (cut / file).write_bytes(half)
    assert not _catalog(tmp_path).exists(name)
    with pytest.raises(DatasetError, match=f"Incomplete: .*{FEBRUARY}"):
        _catalog(tmp_path).load(name)
    _catalog(tmp_path, save_version=JANUARY).save(name, _data(name, 1))
    with caplog.at_level(logging.WARNING):
        assert _equal(name, _catalog(tmp_path, save_version=MARCH).load(name), 1)
    (message,) = [record.getMessage() for record in caplog.records]
    assert f"{cut}' is incomplete" in message
    assert f"version {JANUARY} is used" in message
    caplog.clear()
    _catalog(tmp_path, save_version=MARCH).save(name, _data(name, 3))
    assert _equal(name, _catalog(tmp_path).load(name), 3)
    assert caplog.records == []  # what is older than the one used does not matter any more


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("name", ["table", "sheet", "record"])
def test_a_save_that_fails_leaves_what_was_there_and_no_half(
    tmp_path: Path, name: str, versioned: bool
) -> None:
    _catalog(tmp_path, versioned, save_version=JANUARY).save(name, _data(name, 1))
    before = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    broken = {"value": object()} if name == "record" else pd.DataFrame({"value": [1, "a"]})
    if name == "sheet":
        broken = 7  # no table at all
    catalog = _catalog(tmp_path, versioned, save_version=FEBRUARY)
    with pytest.raises(DatasetError) as failed:
        catalog.save(name, broken)
    assert ".writing-" not in str(failed.value)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == before
    assert _equal(name, _catalog(tmp_path, versioned).load(name), 1)


def test_a_figure_is_a_whole_file_of_the_pixels_that_matplotlib_draws(tmp_path: Path) -> None:
    from coherent_cxr.datasets.figure import FigureDataset

    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1])
    settings = {"dpi": 50, "transparent": True}
    dataset = FigureDataset(filepath=str(tmp_path / "figure.png"), save_args=settings)
    dataset.save(figure)
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert base64.b64decode(dataset.preview()) == (tmp_path / "figure.png").read_bytes()
    figure.savefig(tmp_path / "drawn.png", **settings)
    with Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.size == (150, 100)
        assert np.array_equal(np.asarray(dataset.load()), np.asarray(drawn))


def test_a_figure_may_lie_in_another_file_system_and_be_drawn_in_another_format() -> None:
    from coherent_cxr.datasets.figure import FigureDataset

    figure = Figure()
    dataset = FigureDataset(filepath="memory://figures/figure.pdf", save_args={"format": "pdf"})
    dataset.save(figure)
    assert base64.b64decode(dataset.preview()).startswith(b"%PDF")


KILLED = """
import json, os, signal, sys, time
from pathlib import Path
import pandas as pd
sys.path.insert(0, sys.argv[2])
from test_whole_datasets import FEBRUARY, KINDS, _catalog

folder = Path(sys.argv[1])
long = {
    "table": pd.DataFrame({"value": range(3_000_000)}),
    "sheet": pd.DataFrame({"value": range(3_000_000)}),
    "record": {"value": list(range(3_000_000))},
    "page": "long " * 10_000_000,
}
told = {}
for name in KINDS:
    child = os.fork()
    if child == 0:
        _catalog(folder, save_version=FEBRUARY).save(name, long[name])
        os._exit(0)
    while not any(path.stat().st_size for path in folder.rglob(f"*/.writing-*")):
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told[name] = [path.name for path in folder.rglob("*") if path.is_file() and path.parent.name == FEBRUARY]
    for left in folder.rglob(".writing-*"):
        left.rename(folder / left.name)
print(json.dumps(told))
"""


@pytest.mark.slow
def test_after_a_kill_in_mid_write_the_last_version_is_read(tmp_path: Path) -> None:
    for name in KINDS:
        _catalog(tmp_path, save_version=JANUARY).save(name, _data(name, 1))
    answer = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    for name, files in json.loads(answer.stdout).items():
        assert len(files) == 1, files
        assert files[0].startswith(".writing-"), "killed too late to tell"
        assert _equal(name, _catalog(tmp_path).load(name), 1)
