"""One switch for the threads that a run computes with: ``--params runtime.threads=1``."""

from __future__ import annotations

import os
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from coherent_cxr.configuration import AtOnce, ConfigurationError, Settings
from coherent_cxr.stopped import RunStoppedError

PARAMETER = "params:runtime"
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What libraries that are not loaded yet, and processes that are not started yet, go by."""


class RuntimeConfig(Settings):
    """How a run uses the machine.

    Attributes:
        threads: Threads of every computation; the same number gives the same bytes, another one other last
            bits. None leaves what the machine and OMP_NUM_THREADS give, and gives nodes that run side by
            side one each.
        processes: How many nodes with the tag ``side_by_side`` run at once, each in a process of its own; 1
            runs them one after the other in this process. None: as many as there are cores for their
            threads, and one after the other on a GPU.
    """

    threads: AtOnce | None
    processes: AtOnce | None

    def side_by_side(self) -> tuple[int, int]:
        """Return how many nodes run at once, and with how many threads each."""
        import torch

        from coherent_cxr.runtime.cores import usable_cores

        threads = self.threads or 1
        if self.processes is not None:
            return self.processes, threads
        return 1 if torch.cuda.is_available() else max(usable_cores() // threads, 1), threads


class ThreadsHook:
    """Sets the number of threads before the first node."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Read the parameter ``runtime`` and follow it.

        Raises:
            RunStoppedError: If it has an unknown key or an impossible value.
        """
        config = runtime_config(catalog)
        if config.threads is not None:
            set_threads(config.threads)


def runtime_config(catalog: DataCatalog) -> RuntimeConfig:
    """Return the parameter ``runtime``, or what holds without it.

    Raises:
        RunStoppedError: If it has an unknown key or an impossible value.
    """
    given = catalog.load(PARAMETER) if PARAMETER in catalog else {}
    unset = dict.fromkeys(RuntimeConfig.model_fields)  # another project's parameters need not know of it
    try:
        return RuntimeConfig.model_validate({**unset, **given} if isinstance(given, dict) else given or unset)
    except ConfigurationError as error:
        raise RunStoppedError(str(error)) from None


def set_threads(threads: int) -> None:
    """Let all numeric libraries of this process, and of those it starts, compute with so many threads."""
    import torch
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    threadpool_limits(limits=threads)
    torch.set_num_threads(threads)
