"""Nodes that draw from PyTorch's one random generator run one at a time, whichever runner starts them."""

from __future__ import annotations

import threading

from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node

from coherent_cxr.pipeline_registry import STAGES

PIPELINES = "coherent_cxr.pipelines."
DRAWING = STAGES[STAGES.index("encoder_pretraining") :]
"""Stages that train a network or build one: initial weights and dropout come from the process' generator."""


class OneAtATimeHook:
    """Runs nodes that use PyTorch's global random generator one at a time.

    Networks are built and dropout is drawn from the generator that all threads of a process share; two
    trainings at once would end with other weights each time. Other nodes run beside them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own = threading.local()  # the lock that a thread holds

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Reset: a notebook's run that was interrupted in a node has not given its lock back."""
        self._lock = threading.Lock()

    @hook_impl(trylast=True)  # nothing may come between, and fail, while the lock is held
    def before_node_run(self, node: Node) -> None:
        """Wait until no other such node is at work."""
        if draws(node):
            self._own.lock = self._lock
            self._own.lock.acquire()

    @hook_impl(tryfirst=True)
    def after_node_run(self, node: Node) -> None:
        """Let the next one begin."""
        if draws(node):
            self._own.lock.release()

    @hook_impl(tryfirst=True)
    def on_node_error(self, node: Node) -> None:
        """Let the next one begin."""
        if draws(node):
            self._own.lock.release()


def draws(node: Node) -> bool:
    """Tell whether a node draws from PyTorch's generator."""
    module = str(node.func.__module__)
    return module.startswith(PIPELINES) and module.removeprefix(PIPELINES).split(".")[0] in DRAWING
