"""Kedro's context, with configuration errors as sentences instead of tracebacks."""

from __future__ import annotations

import re
from typing import Any

from kedro.framework.context import KedroContext
from kedro.validation import ParameterValidationError

from coherent_cxr.stopped import RunStoppedError

# Kedro says twice which parameter is meant before it comes to what we said of it.
_PREAMBLE = re.compile(
    r"^- (?:Parameter '[^']*': )?(?:Failed to instantiate \S+ for parameter '[^']*': )?", re.M
)


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
    return _PREAMBLE.sub("", problems or message)
