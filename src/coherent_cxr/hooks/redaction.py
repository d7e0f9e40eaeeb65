"""Report text stays out of the logs where an environment asks for it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from coherent_cxr.corpora.redaction import TextGuard

TEXTS = {"studies": None, "findings": ["text"]}


class RedactionHook:
    """Learns the texts of reports as they are loaded or made, and cuts them out of log messages."""

    def __init__(self) -> None:
        self._wanted = False
        self._guard: TextGuard | None = None
        self._learnt: set[str] = set()

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Look up ``privacy.redact_logs``; a guard of an earlier session in this process ends."""
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

    def _learn(self, name: str, data: Any) -> None:
        if (
            not self._wanted
            or name not in TEXTS
            or name in self._learnt
            or not isinstance(data, pd.DataFrame)
        ):
            return
        self._learnt.add(name)
        if self._guard is None:
            self._guard = TextGuard(len(data))
            self._guard.install()
        columns = TEXTS[name] or data.columns.drop(["study_id", "patient_id"], errors="ignore")
        for column in columns:
            self._guard.learn(data[column])
