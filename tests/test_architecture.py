"""The tree in ``docs/architecture.md`` is the tree of ``src``; files and folders stay short."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "coherent_cxr"
INDENT = 4
MOST_LINES, MOST_FILES = 300, 14


def tree(text: str) -> dict[str, str]:
    """Return folder (from the package's root) to its line of the first block that draws a tree."""
    block = next(part for part in re.findall(r"```text\n(.*?)```", text, re.S) if "├──" in part)
    found: dict[str, str] = {}
    above: list[str] = []
    for line in block.splitlines()[1:]:
        row = re.fullmatch(r"([│├└─ ]*── )(\w+)/ *(.*)", line)
        assert row is not None, line
        prefix, name, words = row.groups()
        above[len(prefix) // INDENT - 1 :] = [name]
        found["/".join(above)] = words
    return found


DOCUMENTED = tree((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))


def test_every_folder_is_in_the_tree_and_the_other_way_round() -> None:
    folders = {
        path.parent.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*")
        if path.suffix in {".py", ".yml", ".html"} and "__pycache__" not in path.parts
    }
    assert set(DOCUMENTED) == folders - {"."}


def test_every_file_that_the_tree_names_is_in_that_folder() -> None:
    named = [
        SOURCE / folder / name
        for folder, words in DOCUMENTED.items()
        for name in re.findall(r"\w+\.py", words)
    ]
    assert named
    assert not [str(path) for path in named if not path.is_file()]


def test_files_and_folders_stay_short() -> None:
    files = [path for place in ("src", "tests") for path in (ROOT / place).rglob("*.py")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}
    folders = Counter(path.parent for path in files if path.is_relative_to(SOURCE))
    assert {folder: number for folder, number in folders.items() if number > MOST_FILES} == {}
