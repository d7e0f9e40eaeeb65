"""One switch for the threads that a run computes with: ``--params runtime.threads=1``."""

from __future__ import annotations

import os
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from coherent_cxr.configuration import ConfigurationError, configuration, require
from coherent_cxr.context import RunStoppedError

PARAMETER = "params:runtime"
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What libraries that are not loaded yet, and processes that are not started yet, go by."""


@configuration
class RuntimeConfig:
    """How a run uses the machine.

    Attributes:
        threads: Threads of every computation; the same number gives the same bytes, another one other last
            bits. None leaves what the machine and OMP_NUM_THREADS give.
    """

    threads: int | None = None

    def check(self) -> None:
        """Refuse impossible values."""
        right = "null or a positive whole number"
        require(self.threads is None or self.threads > 0, "runtime.threads", self.threads, right)


class ThreadsHook:
    """Sets the number of threads before the first node."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Read the parameter ``runtime`` and follow it.

        Raises:
            RunStoppedError: If it has an unknown key or an impossible value.
        """
        given = catalog.load(PARAMETER) if PARAMETER in catalog else None
        try:
            config = RuntimeConfig(**(given or {}))
        except ConfigurationError as error:
            raise RunStoppedError(str(error)) from None
        if config.threads is not None:
            set_threads(config.threads)


def set_threads(threads: int) -> None:
    """Let all numeric libraries of this process, and of those it starts, compute with so many threads."""
    import torch
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    threadpool_limits(limits=threads)
    torch.set_num_threads(threads)
