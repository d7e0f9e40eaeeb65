"""The one reader of YAML that users write: rule files, and settings that commands look up by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 400_000
"""The largest file that is shipped has 11,000; PyYAML reads this many in a few seconds."""
MAX_DEPTH = 100
"""Of lists and mappings in each other; what is shipped has five."""
MAX_VALUES = 200_000
"""Values that aliases may make of a file: each of them can repeat all that stands before it."""


class YamlFileError(ValueError):
    """A file that cannot be used; the message goes on behind the file's name and ends the sentence."""


# libyaml's parser where PyYAML was built with it: eight times as fast
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """Read a file of texts, numbers, lists and mappings; nothing else can be made by it.

    Args:
        path: The file, in UTF-8.

    Raises:
        YamlFileError: For example "is not valid YAML (could not find expected ':' in line 8).".
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise YamlFileError(f"cannot be read ({error.strerror}).") from error
    except ValueError as error:  # a name with a zero byte
        raise YamlFileError(f"cannot be read ({error}).") from error
    if len(data) > MAX_BYTES:
        raise YamlFileError(f"has more than {MAX_BYTES:,} bytes; no such file needs them.")
    try:
        text = data.decode("utf-8-sig")
        _check_depth(text)
        content = yaml.load(text, _LOADER)
        size = _size(content, {}, ())
    except RecursionError as error:
        raise YamlFileError("is nested too deeply, or holds itself.") from error
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise YamlFileError(f"is not valid YAML ({error.problem or error.context}{place}).") from error
    except Exception as error:  # foreign bytes: PyYAML lets through what dates, numbers and keys raise
        raise YamlFileError(f"is not valid YAML ({' '.join(str(error).split())[:200]}).") from error
    if size > MAX_VALUES:
        raise YamlFileError(f"has more than {MAX_VALUES:,} values, with what its aliases repeat.")
    return content


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a file that is a mapping of names; an empty one is an empty mapping.

    Raises:
        YamlFileError: If it cannot be read, or is something else.
    """
    content = read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise YamlFileError(f"must be a mapping of names, and is {content!r:.60}.")
    return content


def _check_depth(text: str) -> None:
    """Refuse what is nested so deeply that libyaml, which makes values by recursion, would crash."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise RecursionError


def _size(value: Any, known: dict[int, int], within: tuple[int, ...]) -> int:
    """Count the values that one holds, those of an alias as often as it is used."""
    if not isinstance(value, (dict, list, tuple, set)):
        return 1
    if id(value) in within:
        raise RecursionError
    if id(value) not in known:
        within = (*within, id(value))
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(part, known, within) for part in parts)
    return known[id(value)]
