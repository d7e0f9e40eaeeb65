"""Typed configuration: frozen dataclasses that refuse unknown keys and wrong types in a sentence."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Callable
from typing import Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

T = TypeVar("T")


class ConfigurationError(ValueError):
    """A configuration that cannot work; the message names the key, the value and what would be right."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def configuration(cls: type[T]) -> type[T]:
    """Make a class a frozen, keyword-only dataclass whose values are checked when it is filled.

    Nested configurations may be given as dictionaries, so a YAML section fills the whole tree. A class may
    define ``check(self)`` and use :func:`require` in it for the ranges that types cannot express.
    """
    datacls = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    fill: Callable[..., None] = datacls.__init__

    def __init__(self: Any, **values: Any) -> None:
        known = {field.name for field in dataclasses.fields(datacls)}  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(sorted(known))}."
                raise ConfigurationError(
                    f"{cls.__name__} has no setting '{key}' (given value: {values[key]!r}). {hint}"
                )
        hints = get_type_hints(datacls)
        checked = {key: _coerce(f"{cls.__name__}.{key}", value, hints[key]) for key, value in values.items()}
        missing = [
            field.name
            for field in dataclasses.fields(datacls)  # type: ignore[arg-type]
            if field.name not in checked
            and field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        ]
        if missing:
            raise ConfigurationError(f"{cls.__name__} needs a value for: {', '.join(missing)}.")
        fill(self, **checked)
        check = getattr(self, "check", None)
        if check is not None:
            check()

    datacls.__init__ = __init__  # type: ignore[method-assign]
    return datacls


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
        raise ConfigurationError(f"The setting '{key}' is {value!r}; it must be {right}.")


def _coerce(key: str, value: Any, expected: Any) -> Any:
    origin, args = get_origin(expected), get_args(expected)
    if expected is Any:
        return value
    if origin in (Union, types.UnionType):
        for option in args:
            try:
                return _coerce(key, value, option)
            except ConfigurationError:
                continue
        raise ConfigurationError(f"The setting '{key}' is {value!r}; it must be of type {expected}.")
    if origin is Literal:
        require(value in args, key, value, f"one of {', '.join(repr(a) for a in args)}")
        return value
    if origin is tuple:
        require(isinstance(value, list | tuple), key, value, "a list")
        return tuple(_coerce(f"{key}[{i}]", item, args[0]) for i, item in enumerate(value))
    if origin is dict:
        require(isinstance(value, dict), key, value, "a mapping")
        return {_coerce(key, k, args[0]): _coerce(f"{key}.{k}", v, args[1]) for k, v in value.items()}
    if isinstance(expected, type) and dataclasses.is_dataclass(expected):
        return expected(**value) if isinstance(value, dict) else value
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if expected is type(None):
        require(value is None, key, value, "null")
        return None
    right_type = isinstance(value, expected) and not (isinstance(value, bool) and expected is not bool)
    require(right_type, key, value, f"of type {expected.__name__}")
    return value
