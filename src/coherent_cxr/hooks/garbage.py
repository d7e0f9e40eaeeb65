"""A run has started when its first node does."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl

from coherent_cxr.runtime.garbage import collect_as_usual


class GarbageHook:
    """Ends what ``settings.py`` begins: Python's garbage collector looks at what nodes make, as usual."""

    @hook_impl(tryfirst=True)
    def before_node_run(self) -> None:
        """Collect as usual; in processes that a run starts as well."""
        collect_as_usual()
