"""Folders are walked through links, each file once, and no circle goes on for ever."""

import os
from pathlib import Path

import pytest

from coherent_cxr.inputs.folders import walk


def put(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_files_come_sorted_with_their_sizes(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a/c/3.txt", "0.txt"):
        put(tmp_path / name, name)
    assert [(found.path, found.size) for found in walk(tmp_path)] == [
        ("0.txt", 5),
        ("a/c/3.txt", 9),
        ("b/1.txt", 7),
        ("b/2.txt", 7),
    ]
    assert [found.path for found in walk(tmp_path, enter=lambda path: path != "b")] == ["0.txt", "a/c/3.txt"]
    assert [found.path for found in walk(tmp_path, enter=lambda path: path != "a/c")] == [
        "0.txt",
        "b/1.txt",
        "b/2.txt",
    ]


def test_linked_folders_and_files_are_read_and_circles_end(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    put(elsewhere / "deep" / "far.txt")
    put(root / "near.txt")
    (root / "linked").symlink_to(elsewhere)
    (root / "again").symlink_to(elsewhere)
    (root / "self").symlink_to(root)
    (elsewhere / "deep" / "back").symlink_to(root)
    (root / "file.txt").symlink_to(elsewhere / "deep" / "far.txt")
    (root / "dangling.txt").symlink_to(tmp_path / "nowhere")
    (root / "ouroboros").symlink_to(root / "ouroboros")
    os.mkfifo(root / "pipe")
    assert [found.path for found in walk(root)] == ["file.txt", "near.txt", "again/deep/far.txt"]


def test_a_folder_is_entered_once_whether_link_or_real_comes_first(tmp_path: Path) -> None:
    put(tmp_path / "real" / "1.txt")
    (tmp_path / "a_link").symlink_to(tmp_path / "real")
    (tmp_path / "z_link").symlink_to(tmp_path / "real")
    assert len(list(walk(tmp_path))) == 1


def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.txt", os.O_CREAT))
    assert [found.path for found in walk(tmp_path)] == ["\udcff.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_closed_folder_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "closed" / "1.txt")
    put(tmp_path / "open.txt")
    (tmp_path / "closed").chmod(0)
    assert [found.path for found in walk(tmp_path)] == ["open.txt"]
    (tmp_path / "closed").chmod(0o700)
