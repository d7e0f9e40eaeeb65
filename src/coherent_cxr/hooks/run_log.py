"""The log of a run: one line a stage, with its result, its time and the time left; then what to do next."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from coherent_cxr.hooks.missing_artifacts import without_finished_nodes
from coherent_cxr.hooks.result_words import headline, words_of
from coherent_cxr.hooks.tracking.lineage import dataset_path
from coherent_cxr.hooks.tracking.records import trained
from coherent_cxr.pipeline_registry import STAGES
from coherent_cxr.pipelines.node_seconds import seconds_left, seconds_of
from coherent_cxr.runtime.commands import shown_path, typed
from coherent_cxr.runtime.duration import duration
from coherent_cxr.runtime.log import set_up_log

logger = logging.getLogger(__name__)

PIPELINES = "coherent_cxr.pipelines."
OTHER_PROCESSES = "ParallelRunner"
"""Runner with nodes in other processes, where each hook sees only its own; Kedro's messages count them."""


class RunLogHook:
    """Writes a line when all nodes of a stage are finished and what they made is saved."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset([])

    def _reset(self, nodes: list[Node]) -> None:
        self._began = time.monotonic()
        self._started: dict[str, float] = {}
        self._spent: dict[str, float] = {}
        self._open = {node.name: node for node in nodes}
        self._unsaved = {node.name: set(node.outputs) for node in nodes}
        self._words: dict[str, list[str]] = {}
        self._stages = list(dict.fromkeys(stage_of(node) for node in nodes))
        self._done, self._told = 0.0, 0
        self._summary: dict[str, Any] = {}
        self._chosen: str | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Follow what is asked for: plain lines, or Kedro's own log."""
        set_up_log()

    @hook_impl(trylast=True)  # once nothing stops the run any more
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Say what the run consists of."""
        if run_params.get("only_missing_outputs"):
            pipeline = without_finished_nodes(pipeline, catalog)
        parallel = str(run_params.get("runner") or "").endswith(OTHER_PROCESSES)
        if parallel:
            logging.getLogger("kedro.runner").setLevel(logging.INFO)
        self._reset([] if parallel else list(pipeline.nodes))
        if self._open:
            env = run_params.get("env")
            where = f", environment '{env}'" if env not in (None, "base", "local") else ""
            stages = (
                f"{len(self._stages)} stages" if len(self._stages) > 1 else f"the stage {self._stages[0]}"
            )
            logger.info(
                "Running %s (%d nodes)%s. --verbose shows Kedro's own log.", stages, len(self._open), where
            )

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Node) -> None:
        """Note when a node begins, its inputs included."""
        self._started.setdefault(node.name, time.monotonic())

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """Note when a node begins that loads nothing."""
        self._started.setdefault(node.name, time.monotonic())

    @hook_impl(trylast=True)
    def after_node_run(self, node: Node) -> None:
        """A node without outputs has ended."""
        with self._lock:
            if not self._unsaved.get(node.name, node.outputs):
                self._close(node.name)

    @hook_impl(trylast=True)
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Note what a node made; with its last output it has ended."""
        with self._lock:
            if node.name not in self._open:
                return
            words = words_of(dataset_name, data)
            if words:
                self._words.setdefault(stage_of(node), []).append(words)
            if dataset_name == "metrics_summary" and isinstance(data, dict):
                self._summary = data
            if dataset_name == "validation_metrics" and isinstance(data, dict):
                self._chosen = data.get("candidate")
            self._unsaved[node.name].discard(dataset_name)
            if not self._unsaved[node.name]:
                self._close(node.name)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Say where the run broke."""
        seconds = time.monotonic() - self._started.get(node.name, self._began)
        logger.error(
            "The stage %s failed in the node '%s' after %s.", stage_of(node), node.name, duration(seconds)
        )

    @hook_impl(trylast=True)
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Say how it went and what to do next."""
        env = run_params.get("env")
        option = f" --env {env}" if env not in (None, "base", "local") else ""
        logger.info("Done in %s.", duration(time.monotonic() - self._began))
        sentence = headline(self._summary, trained(), self._chosen) if self._summary else None
        if sentence:
            logger.info("%s", sentence)
        page = _path_of("results_page", pipeline, catalog)
        if page is not None:
            logger.info("Results page: %s", shown_path(page))
        following = _following(pipeline)
        if "metrics_summary" in pipeline.all_outputs():
            logger.info("Next: %s summary%s", typed("coherent-cxr"), option)
        elif following is not None:
            logger.info("Next: %s run%s --pipelines %s", typed("kedro"), option, following)

    def _close(self, name: str) -> None:
        """Count a node as finished, and tell of its stage if it was the last."""
        node, now = self._open.pop(name), time.monotonic()
        stage = stage_of(node)
        self._done += seconds_of(node)
        self._spent[stage] = self._spent.get(stage, 0.0) + now - self._started.get(name, now)
        if any(stage_of(other) == stage for other in self._open.values()):
            return
        self._told += 1
        to_come = sum(seconds_of(other) for other in self._open.values())
        left = seconds_left(now - self._began, self._done, to_come)
        logger.info(
            "%s",
            stage_line(
                (self._told, len(self._stages)),
                stage,
                self._spent[stage],
                self._words.get(stage, []),
                left if self._open else None,
            ),
        )


def stage_line(place: tuple[int, int], stage: str, spent: float, words: list[str], left: float | None) -> str:
    """Lay out the line of a finished stage.

    Args:
        place: Which of how many.
        stage: Its name.
        spent: Seconds that it took.
        words: What it made.
        left: Seconds that the rest of the run will take, about; None: it was the last.
    """
    number, count = place
    line = f"{number:>{len(str(count))}}/{count} {stage:<20} {duration(spent):>11}"
    remaining = [] if left is None else [f"about {duration(left)} left"]
    return "; ".join([line, *dict.fromkeys(words), *remaining]).replace(";", " ", 1)


def stage_of(node: Node) -> str:
    """Return the stage that a node belongs to: the package of its function; of another project, its name."""
    module = str(node.func.__module__)
    return module.removeprefix(PIPELINES).split(".")[0] if module.startswith(PIPELINES) else str(node.name)


def _path_of(name: str, pipeline: Pipeline, catalog: DataCatalog) -> Path | None:
    return dataset_path(catalog.get(name)) if name in pipeline.all_outputs() else None


def _following(pipeline: Pipeline) -> str | None:
    """Return the stage after the last of a run's."""
    places = [STAGES.index(stage) for stage in map(stage_of, pipeline.nodes) if stage in STAGES]
    return STAGES[max(places) + 1] if places and max(places) + 1 < len(STAGES) else None
