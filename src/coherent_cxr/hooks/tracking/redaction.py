"""Report text stays out of logs and tracebacks where an environment asks for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node

from coherent_cxr.corpora.quality.redaction import TextGuard, withhold_messages
from coherent_cxr.hooks.tracking.lineage import dataset_path
from coherent_cxr.inputs.terminal import PlainFilter
from coherent_cxr.pieces.table_file import TableFile, pieces_of

TEXTS: dict[str, list[str] | None] = {"studies": None, "findings": ["text"]}
"""Tables of report text, and their columns to learn; None is all but identifiers."""


class RedactionHook:
    """Learns the texts of reports as they are loaded or made, and cuts them out of logs and tracebacks."""

    def __init__(self) -> None:
        self._wanted = False
        self._guard: TextGuard | None = None
        self._learnt: set[str] = set()
        self._functions: dict[str, Callable[..., Any]] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Look up ``privacy.redact_logs``; a guard of an earlier session in this process ends.

        Kedro lets no filter of ours into ``conf/logging.yml``, so the one that makes names of files plain is
        added here.
        """
        for handler in logging.getLogger().handlers:
            if not any(isinstance(one, PlainFilter) for one in handler.filters):
                handler.addFilter(PlainFilter())
        if self._guard is not None:
            self._guard.uninstall()
            self._guard, self._learnt = None, set()
        privacy = context.config_loader["parameters"].get("privacy") or {}
        self._wanted = bool(privacy.get("redact_logs"))

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Learn the texts of a table that was made by an earlier run."""
        self._learn(dataset_name, data)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Learn the texts of a table that this run has made."""
        self._learn(dataset_name, data)

    @hook_impl
    def before_node_run(self, node: Node, catalog: CatalogProtocol[Any, Any]) -> None:
        """Redact what the node raises, before Kedro logs it and other hooks see it."""
        if self._wanted:
            self._functions[node.name] = node.func
            node.func = self._redacting(node, catalog)

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Restore the node."""
        self._restore(node)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Restore the node."""
        self._restore(node)

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception, catalog: CatalogProtocol[Any, Any]) -> None:
        """Redact what was raised between nodes, as while a table is saved."""
        if self._wanted:
            self._redact(error, catalog)

    def _restore(self, node: Node) -> None:
        if node.name in self._functions:
            node.func = self._functions.pop(node.name)

    def _redacting(self, node: Node, catalog: CatalogProtocol[Any, Any]) -> Callable[..., Any]:
        function = node.func

        @wraps(function)
        def run(*inputs: Any, **named: Any) -> Any:
            try:
                return function(*inputs, **named)
            except Exception as error:
                if TEXTS.keys() & set(node.outputs):  # works on text that cannot have been learnt
                    withhold_messages(error)
                self._redact(error, catalog)
                raise

        return run

    def _redact(self, error: Exception, catalog: CatalogProtocol[Any, Any]) -> None:
        try:
            for name in TEXTS.keys() - self._learnt:  # text may have come another way, as word ids
                path = dataset_path(catalog.get(name)) if catalog.exists(name) else None
                if path is not None:
                    self._learn(name, TableFile(path))
        except Exception:  # a damaged table must neither hide the error nor let it pass unredacted
            withhold_messages(error)
        if self._guard is not None:
            self._guard.redact_error(error)

    def _learn(self, name: str, data: Any) -> None:
        if not self._wanted or name not in TEXTS or name in self._learnt:
            return
        if not isinstance(data, pd.DataFrame | TableFile):
            return
        if self._guard is None:
            self._guard = TextGuard(len(data))
            self._guard.install()
        for piece in pieces_of(data, TEXTS[name]):
            for column in piece.columns.drop(["study_id", "patient_id"], errors="ignore"):
                self._guard.learn(piece[column])
        self._learnt.add(name)
