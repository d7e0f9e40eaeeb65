"""Pipelines are made for the systems that the parameters of a run name."""

from __future__ import annotations

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from coherent_cxr.pipelines import systems


class SystemsHook:
    """Reads the systems from the configuration of a context, with its environment and ``--params``."""

    @hook_impl(tryfirst=True)  # other hooks may look at the pipelines
    def after_context_created(self, context: KedroContext) -> None:
        """Note which systems the context's parameters name.

        Raises:
            RunStoppedError: If they cannot be trained.
        """
        systems.follow(context.config_loader)
