"""A run has started when its pipeline does."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl

from coherent_cxr.runtime.garbage import collect_as_usual


class GarbageHook:
    """Ends the wait of Python's garbage collector, which begins with the command ``kedro run``."""

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Collect as usual from now on."""
        collect_as_usual()
