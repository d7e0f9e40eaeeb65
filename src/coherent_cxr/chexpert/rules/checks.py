"""What a rule file is checked for: a refusal is a sentence with the place and what would be right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from coherent_cxr.inputs.text.accents import without_accents
from coherent_cxr.inputs.yaml_files import YamlFileError, read_yaml

FILE_KEYS: Final = (
    *(
        "extends",
        "description",
        "observations",
        "aggregation",
        "lexicon",
        "unmention_frames",
        "words",
        "macros",
    ),
    *("negating_starts", "clause_ends", "language", "layout_ends_sentences", "rules"),
)
"""The keys of a rule file."""


FOLDER: Final = Path(__file__).parent / "rule_sets"
"""Where the shipped rule sets lie."""


class RuleFileError(ValueError):
    """A rule file that cannot be used; the message names the file, the place and what would be right."""


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a rule file as a mapping."""
    try:
        raw = read_yaml(path)
    except YamlFileError as error:
        there = "" if path.is_file() else " Give original, corrected or spanish, or the path of a file."
        raise RuleFileError(f"The rule file {path} {error}{there}") from error
    return mapping(path, "the file", raw)


def mapping(path: Path, where: str, value: Any) -> dict[str, Any]:
    """Return a mapping of names, an empty one for nothing."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise RuleFileError(f"{path}: '{where}' is {value!r:.60}; it must be a mapping of names.")
    return value


def flag(path: Path, where: str, value: Any) -> bool | None:
    """Return true, false, or None for nothing."""
    if value is not None and not isinstance(value, bool):
        raise RuleFileError(f"{path}: '{where}' is {value!r:.60}; it must be true or false.")
    return value


def texts(path: Path, where: str, value: Any) -> list[str]:
    """Return a list of texts; one text is a list of one."""
    values = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) and item for item in values):
        raise RuleFileError(
            f"{path}: '{where}' is {value!r:.60}; it must be a list of texts (YAML reads a bare no, on or 1 "
            "as something else: write it in quotes)."
        )
    return values


def phrases(path: Path, where: str, entry: Mapping[str, Any], key: str) -> list[str]:
    """Return phrases as they can occur in cleaned text."""
    phrases = texts(path, f"{where}.{key}", entry.get(key))
    for phrase in phrases:
        if not phrase.strip() or phrase != phrase.lower() or not phrase.isascii():
            raise RuleFileError(
                f"{path}: '{where}.{key}' has {phrase!r}; it must be lower-case ASCII, as cleaned text is."
            )
    return phrases


def check_keys(path: Path, where: str, entry: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse a key that means nothing there."""
    if unknown := sorted(set(entry) - set(known)):
        raise RuleFileError(
            f"{path}: {where} has an unknown key '{unknown[0]}'; known keys: {', '.join(sorted(known))}."
        )


def folded(value: Any, key: str = "") -> Any:
    """Return what a file says with its words as folded text has them; names stay as they are."""
    if key in ("observations", "no_finding", "not_a_finding", "name", "language"):
        return value
    if isinstance(value, dict):
        return {name: folded(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [folded(item) for item in value]
    return without_accents(value) if isinstance(value, str) else value


def check_observations(path: Path, where: str, named: Iterable[str], known: tuple[str, ...]) -> None:
    """Refuse a name that is none of the observations."""
    if wrong := sorted(set(named) - set(known)):
        raise RuleFileError(
            f"{path}: '{where}' names the observation '{wrong[0]}'; known are {', '.join(known)}. "
            "Other ones are listed under 'observations'."
        )


def applies(path: Path, entry: dict[str, Any], known: tuple[str, ...]) -> bool:
    """Whether a rule concerns these labels: a shipped one may be about others."""
    about = entry.get("observations")
    return path.parent != FOLDER or not isinstance(about, list) or not set(known).isdisjoint(about)
