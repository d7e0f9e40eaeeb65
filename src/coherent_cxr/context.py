"""Kedro's context, with configuration errors as sentences instead of tracebacks; its configuration loader."""

from __future__ import annotations

import copy
import re
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.validation import ParameterValidationError

from coherent_cxr.stopped import RunStoppedError

# Kedro says twice which parameter is meant before it comes to what we said of it.
_PROBLEM = re.compile(r"- Parameter '([^']*)': (?:Failed to instantiate \S+ for parameter '[^']*': )?(.*)")


class ReadOnceConfigLoader(OmegaConfigLoader):
    """Reads every kind of configuration once; Kedro's reads and resolves all files whenever a hook asks.

    Files that are edited later count for the next session; in a notebook that is ``%reload_kedro``.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._read: dict[str, dict[str, Any]] = {}
        super().__init__(*args, **settings)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Return one kind of configuration, such as "parameters", as a copy; what was set by hand as it is.

        Raises:
            KeyError: If there is no such kind.
            MissingConfigException: If no file holds it.
        """
        if key in self:
            return super().__getitem__(key)
        if key not in self._read:
            self._read[key] = super().__getitem__(key)
        return copy.deepcopy(self._read[key])


class ProjectContext(KedroContext):
    """Stops a run with one sentence per parameter that cannot work, before any work is done."""

    @property
    def params(self) -> dict[str, Any]:
        """Parameters, checked and turned into the configuration classes that nodes ask for.

        Raises:
            RunStoppedError: If a parameter is unknown or impossible.
        """
        try:
            return super().params
        except ParameterValidationError as error:
            raise RunStoppedError(sentences(str(error))) from None


def sentences(message: str) -> str:
    """Return what Kedro tells of parameters that cannot work as one sentence a line."""
    _, _, problems = message.partition(":\n")
    return "\n".join(_sentence(problem) for problem in (problems or message).splitlines())


def _sentence(problem: str) -> str:
    found = _PROBLEM.match(problem)
    if found is None:
        return problem
    parameter, said = found.groups()
    if said.startswith("value is None"):
        return f"The setting '{parameter}' is null; it must be a mapping."
    # A class knows its section, but not the namespace of the pipeline that reads it.
    section = parameter.rpartition(".")[2]
    return re.sub(rf"'{re.escape(section)}(?=['.])", f"'{parameter}", said)
