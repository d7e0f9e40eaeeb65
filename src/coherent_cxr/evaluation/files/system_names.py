"""Names of systems whose reports lie in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.quoting import quote

LONGEST = 60
_ENDINGS = frozenset({".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".gz"})


def named_files(given: Sequence[str], taken: Sequence[str] = ()) -> dict[str, Path]:
    """Give every file of reports a name.

    Args:
        given: ``PATH``, whose name without its endings names the system, or ``NAME=PATH``.
        taken: Names that are used otherwise.

    Returns:
        Path by system, in the order given.

    Raises:
        TableError: If a file is not there, a name cannot be used, or two systems would have the same.
    """
    files: dict[str, Path] = {}
    for text in given:
        name, path = _split(text)
        if not path.is_file():
            raise TableError(f"There is no file '{path}' (--generated).")
        if not name or len(name) > LONGEST or not name.isprintable():
            raise TableError(
                f"A system cannot be called {quote(name)}; a name has 1 to {LONGEST} printable characters. "
                "Choose one with --generated NAME=PATH."
            )
        if name in taken:
            raise TableError(
                f"'{name}' is the name of a row that is always shown; choose another: NAME={path}."
            )
        if name in files:
            raise TableError(
                f"Two systems would be called '{name}': '{files[name]}' and '{path}'. Give each a name "
                "of its own: --generated NAME=PATH."
            )
        files[name] = path
    return files


def _split(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if equals and not Path(text).exists():
        return name.strip(), Path(path)
    return _stem(Path(text)), Path(text)


def _stem(path: Path) -> str:
    name = path.name
    while (ending := Path(name).suffix.lower()) in _ENDINGS and len(name) > len(ending):
        name = name[: -len(ending)]
    return name
