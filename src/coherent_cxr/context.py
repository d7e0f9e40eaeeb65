"""Kedro's context, with configuration errors as sentences instead of tracebacks."""

from __future__ import annotations

import re
from typing import Any

from kedro.framework.context import KedroContext
from kedro.validation import ParameterValidationError

from coherent_cxr.stopped import RunStoppedError

# Kedro says twice which parameter is meant before it comes to what we said of it.
_PROBLEM = re.compile(r"- Parameter '([^']*)': (?:Failed to instantiate \S+ for parameter '[^']*': )?(.*)")


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
