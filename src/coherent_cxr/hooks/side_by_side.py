"""Nodes that do not need each other run at the same time, each in a process of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from coherent_cxr.hooks.missing_artifacts import without_finished_nodes
from coherent_cxr.hooks.threads import runtime_config
from coherent_cxr.runtime.children import Children

TAG = "side_by_side"
"""Marks nodes whose inputs and outputs may travel to another process; they take a list of inputs."""


class SideBySideHook:
    """Starts, with the first of several tagged nodes that could run, all of them.

    The runner goes on as ever, node by node: each waits for what its process has made, and saves it. So
    catalog, tracking and the order of the log stay what they are without this hook. Runners that start nodes
    in threads or processes of their own are left alone, and so are trainings that have ranks of their own.
    """

    def __init__(self) -> None:
        self._children: Children | None = None
        self._to_come: list[Node] = []
        self._functions: dict[str, Callable[..., Any]] = {}

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Look up how many may run at once, and end what an interrupted run in this process has left."""
        self._end()
        if run_params["only_missing_outputs"]:
            pipeline = without_finished_nodes(pipeline, catalog)
        self._to_come = list(pipeline.nodes)
        if not any(TAG in node.tags for node in pipeline.nodes) or int(os.environ.get("WORLD_SIZE", "1")) > 1:
            return
        processes, threads = runtime_config(catalog).side_by_side()
        if processes > 1:
            self._children = Children(processes, threads)

    @hook_impl(tryfirst=True)  # other hooks put their functions around this one's
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> None:
        """Start a tagged node and all others that could run now; let this one wait for its result."""
        children = self._children
        if children is None or TAG not in node.tags or _in_a_thread() or _has_ranks(inputs):
            return
        unmade = {name for other in self._to_come for name in other.outputs}
        for other in (node, *self._to_come):
            if TAG not in other.tags or other.name in children or unmade & set(other.inputs):
                continue
            given = {name: inputs[name] if name in inputs else catalog.load(name) for name in other.inputs}
            if not _has_ranks(given):
                children.add(other.name, other.func, [given[name] for name in other.inputs])
        self._functions[node.name] = function = node.func

        @wraps(function)
        def wait(*_: Any) -> Any:
            return children.result(node.name)

        node.func = wait

    @hook_impl(trylast=True)
    def after_node_run(self, node: Node) -> None:
        """Restore the node."""
        self._restore(node)
        self._to_come = [other for other in self._to_come if other.name != node.name]

    @hook_impl(trylast=True)
    def on_node_error(self, node: Node) -> None:
        """Restore the node, and end the others' processes."""
        self._restore(node)
        self._end()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Let go of everything."""
        self._end()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """End all processes."""
        self._end()

    def _restore(self, node: Node) -> None:
        if node.name in self._functions:
            node.func = self._functions.pop(node.name)

    def _end(self) -> None:
        if self._children is not None:
            self._children.end()
        self._children, self._to_come = None, []


def _in_a_thread() -> bool:
    return threading.current_thread() is not threading.main_thread()


def _has_ranks(inputs: dict[str, Any]) -> bool:
    settings = (value for name, value in inputs.items() if name.startswith("params:"))
    return any(getattr(value, "processes", 1) != 1 for value in settings)
