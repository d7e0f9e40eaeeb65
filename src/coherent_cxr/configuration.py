"""Typed settings: pydantic models whose errors are sentences."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

Share = Annotated[float, Field(ge=0, le=1)]
"""A share or probability."""

ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
"""A share that leaves something: dropout, the decay of an average."""

AtOnce = Annotated[int, Field(gt=0, le=1024)]
"""Threads or processes; without a limit libraries end the process when the system gives them no more."""

WORDS: dict[Any, str] = {
    int: "whole number",
    float: "number",
    str: "a text",
    bool: "true or false",
    type(None): "null",
    tuple: "a list",
    dict: "a mapping",
}
BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
LONGEST = 200
"""Most characters of a wrong value that a message repeats."""


class ConfigurationError(ValueError):
    """A setting that cannot work; the message names the key, the value and what would be right."""


class Settings(BaseModel):
    """Settings of one stage, or of a part of it; they do not change once they are made.

    Nested settings may be given as mappings and tuples as lists, so a YAML section fills the whole tree. No
    other value is converted, except that a whole number may stand for a float.

    Raises:
        ConfigurationError: If a setting is unknown, missing or impossible.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        with _sentences(type(self)):
            super().__init__(**values)

    # As pydantic marks its own: it builds nested settings without it, so their errors keep the whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the settings that a mapping holds; Kedro fills typed parameters with it."""
        with _sentences(cls):
            return super().model_validate(obj, **options)

    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _checked(self) -> Self:
        self.check()
        return self

    def check(self) -> None:
        """Refuse with :func:`require` what types and bounds cannot express; for classes to override."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other values for some settings, checked like any other."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**values, **changes})


def require(condition: bool, key: str, value: object, right: str) -> None:
    """Raise :class:`ConfigurationError` unless a condition on one setting holds.

    Args:
        condition: What must be true.
        key: The setting, as written in the YAML file.
        value: The value that was given.
        right: What a right value looks like, completing "it must be ...".

    Raises:
        ConfigurationError: If the condition is false.
    """
    if not condition:
        raise ConfigurationError(f"The setting '{key}' is {value!r:.{LONGEST}}; it must be {right}.")


@contextmanager
def _sentences(settings: type[Settings]) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        unknown_first = sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        raise ConfigurationError(_sentence(settings, unknown_first[0])) from None


def _sentence(settings: type[Settings], found: ErrorDetails) -> str:
    """Return what is wrong with one setting, whatever pydantic calls it."""
    kind, given = found["type"], f"{found['input']!r:.{LONGEST}}"
    if kind == "value_error":  # from a class's own check
        return str(found["ctx"]["error"])
    unknown = kind == "extra_forbidden"
    key, expected = section_name(settings), settings
    path = found["loc"][: -1 if unknown else None]
    for depth, part in enumerate(path, 1):
        options = [option for option in _options(expected) if option is not type(None)]
        if len(options) > 1:  # the part names one of several possible types
            chosen = [option for option in options if str(option) == part and depth < len(path)]
            expected = chosen[0] if chosen else expected
        else:
            key, expected = (
                f"{key}[{part}]" if isinstance(part, int) else f"{key}.{part}",
                _inside(options[0], part),
            )
    if unknown:
        known, name = sorted(expected.model_fields), str(found["loc"][-1])
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(known)}."
        return f"'{key}' has no setting '{name:.{LONGEST}}' (given value: {given}). {hint}"
    right = _right(expected)
    if kind == "missing":
        return f"The setting '{key}' has no value; it must be {right}."
    return f"The setting '{key}' is {given}; it must be {right}."


def section_name(settings: type[Settings]) -> str:
    """Return the section of the parameters that a class is named after: MleTrainingConfig, mle_training."""
    name = re.sub(r"(Config|Settings)$", "", settings.__name__)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _inside(expected: Any, part: str | int) -> Any:
    """Return the type of a part of a setting."""
    plain = get_args(expected)[0] if get_origin(expected) is Annotated else expected
    if isinstance(plain, type) and issubclass(plain, Settings):
        return get_type_hints(plain, include_extras=True).get(str(part))
    return get_args(plain)[0 if get_origin(plain) is tuple else -1]


def _options(expected: Any) -> tuple[Any, ...]:
    return get_args(expected) if get_origin(expected) in (Union, types.UnionType) else (expected,)


def _right(expected: Any) -> str:
    """Return what a right value of a type looks like, in words."""
    options = _options(expected)
    if len(options) > 1:
        return " or ".join(_right(option) for option in sorted(options, key=lambda o: o is not type(None)))
    bounds: dict[str, Any] = {}
    if get_origin(expected) is Annotated:
        expected, *constraints = get_args(expected)
        for constraint in (part for c in constraints for part in getattr(c, "metadata", [c])):
            bounds |= {name: getattr(constraint, name) for name in BOUNDS if hasattr(constraint, name)}
    if get_origin(expected) is Literal:
        return f"one of {', '.join(map(repr, get_args(expected)))}"
    if expected in (int, float):
        positive = "positive " if bounds.get("gt") == 0 else ""
        limits = [
            f"{word} {bounds[b]}"
            for b, word in BOUNDS.items()
            if b in bounds and not (b == "gt" and positive)
        ]
        return f"a {positive}{WORDS[expected]}{', ' if limits else ''}{' and '.join(limits)}"
    if get_origin(expected) is tuple and ... not in get_args(expected):
        return f"a list of {len(get_args(expected))} values"
    return WORDS.get(get_origin(expected) or expected, "a mapping")
