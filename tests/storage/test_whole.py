"""Files appear in one step; what was cut short is recognised."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file

from coherent_cxr.storage.whole import being_written, beside, looks_whole, sweep, written_whole


def test_what_fails_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a" / "file.txt"
    with written_whole(target) as writing:
        writing.write_text("first")
        assert not target.exists()
    with pytest.raises(RuntimeError):
        _fail_midway(target)
    assert target.read_text() == "first"
    assert _names(target.parent) == ["file.txt"]


def _fail_midway(target: Path) -> None:
    with written_whole(target) as writing:
        writing.write_text("half")
        raise RuntimeError("disk full")


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    for content in ("first", "second"):
        with written_whole(target) as writing:
            writing.mkdir()
            (writing / content).write_text(content)
    assert _names(target) == ["second"]
    assert _names(tmp_path) == ["bundle"]


def test_places_beside_are_never_shared_and_keep_the_suffix(tmp_path: Path) -> None:
    places = {beside(tmp_path / "table.csv.gz") for _ in range(3)}
    assert len(places) == 3
    assert all(place.name.endswith("-table.csv.gz") for place in places)


def _writer(tmp_path: Path) -> subprocess.Popen[bytes]:
    """Start a process that has begun to write."""
    code = (
        "import sys, time; from pathlib import Path; from coherent_cxr.storage.whole import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as writing:\n"
        "    writing.write_text('half'); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "table.txt")])
    while not list(tmp_path.glob(".writing-*")):
        time.sleep(0.02)
    return process


def test_a_killed_writer_leaves_no_file_and_its_half_is_swept_once_it_is_dead(tmp_path: Path) -> None:
    process = _writer(tmp_path)
    assert being_written(tmp_path)
    sweep(tmp_path)
    assert being_written(tmp_path)  # it lives: not ours to delete
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "table.txt").exists()
    assert not being_written(tmp_path)
    sweep(tmp_path)
    assert _names(tmp_path) == []


def test_a_writer_on_another_machine_is_believed_to_live(tmp_path: Path) -> None:
    (tmp_path / ".writing-00000000-1-0-table.txt").write_text("half")
    sweep(tmp_path)
    assert being_written(tmp_path)


def _files(folder: Path) -> list[Path]:
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_parquet(folder / "table.parquet")
    (folder / "record.json").write_text(json.dumps({"a": [1, {"b": 2}], "c": "text"}, indent=2))
    (folder / "long.json").write_text(json.dumps({str(n): [n] for n in range(100_000)}))
    save_file({"w": np.zeros((3, 4), np.float32), "empty": np.zeros(0)}, folder / "weights.safetensors")
    Image.new("L", (20, 20)).save(folder / "figure.png")
    return sorted(folder.iterdir())


@pytest.mark.slow
def test_files_cut_short_anywhere_are_not_whole(tmp_path: Path) -> None:
    for path in _files(tmp_path):
        assert looks_whole(path), path
        content = path.read_bytes()
        for share in (0, 0.01, 0.3, 0.5, 0.9, 0.999):
            path.write_bytes(content[: int(share * len(content))])
            assert not looks_whole(path), (path, share)
        path.write_bytes(content[:-1])
        assert not looks_whole(path), path
        path.write_bytes(b"\0" * len(content))  # a file system may keep the length and lose the bytes
        assert not looks_whole(path), path


def test_a_folder_is_whole_if_all_in_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    assert not looks_whole(folder)
    (folder / "config.json").write_text("{}")
    assert looks_whole(folder)
    (folder / "inner").mkdir()
    (folder / "inner" / "config.json").write_text("{")
    assert not looks_whole(folder)
    assert not looks_whole(tmp_path / "absent")


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    there = tmp_path / "other disk" / "file.txt"
    link = tmp_path / "link.txt"
    link.symlink_to(there)
    for text in ("first", "second"):
        with written_whole(link) as writing:
            assert writing.parent == there.parent
            writing.write_text(text)
        assert link.is_symlink()
        assert there.read_text() == text
    assert _names(there.parent) == ["file.txt"]


def test_a_pipe_or_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with written_whole(pipe) as writing:
        writing.write_text("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    with pytest.raises(RuntimeError):
        _fail_midway(Path(os.devnull))
    assert pipe.is_fifo()
    assert Path(os.devnull).is_char_device()
