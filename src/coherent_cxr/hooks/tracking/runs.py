"""Everything a run was given and made, recorded in the MLflow run that kedro-mlflow opens."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.pipeline import Pipeline

from coherent_cxr.configuration import Settings
from coherent_cxr.hooks.result_words import headline
from coherent_cxr.hooks.tracking.lineage import dataset_path, file_digest, git_tags
from coherent_cxr.hooks.tracking.metrics import allowed_name, history_metrics, summary_metrics
from coherent_cxr.hooks.tracking.records import (
    MAIN_DATA,
    METRICS_PER_BATCH,
    dataset_input,
    headline_table,
    log_dataset,
    log_training,
    run_name,
    trained,
)
from coherent_cxr.stopped import RunStoppedError
from coherent_cxr.tracking.addresses import anchored
from coherent_cxr.tracking.names import DESCRIPTION, DIGESTS, HEADLINE
from coherent_cxr.tracking.prepare import artifacts_folder, prepare
from coherent_cxr.tracking.secrets import hide_secrets, kept_by_variables
from coherent_cxr.tracking.stale import close_stale_runs, tag_runs_with_process

if TYPE_CHECKING:
    from mlflow.entities import Metric

logger = logging.getLogger(__name__)

SHOWN = {".html", ".png", ".svg", ".json", ".md", ".parquet"}
"""Files of the layer ``reporting`` that become artifacts of the run."""
ITEMS_PER_BATCH = 100
"""MLflow's own limit for one call."""
LONGEST_NAME, LONGEST_VALUE = 250, 6000
"""MLflow's own limits for a parameter, in characters."""

T = TypeVar("T")


class TrackingHook:
    """Logs parameters, headline metrics, results, code version and data digests; trainings as nested runs.

    Works beside kedro-mlflow, which opens and closes the run; without a run, nothing is recorded. Report text
    is never a parameter or a tag. Runs are found by the tags ``pipeline`` and ``environment``.
    """

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.catalog: DataCatalog | None = None
        self.project = Path()
        self.environment = "base"
        self.artifacts_stay = False
        self.inputs: dict[str, str] = {}
        self.digests: dict[str, str] = {}
        self.summary: dict[str, Any] = {}
        self.chosen: str | None = None

    @hook_impl(tryfirst=True)  # before kedro-mlflow reads mlflow.yml
    def after_context_created(self, context: KedroContext) -> None:
        """Let a relative sqlite address count from the project's folder, and see to it that MLflow can work.

        Raises:
            TrackingError: If the database or server cannot be used.
            RunStoppedError: If a setting that is a mapping is something else.
        """
        self.project = Path(context.project_path)
        self.environment = "base" if context.env in (None, "local") else str(context.env)
        loader: Any = context.config_loader
        privacy = _mapping(loader["parameters"].get("privacy"), "privacy")
        self.artifacts_stay = bool(privacy.get("keep_artifacts_local"))
        loader.config_patterns.setdefault("mlflow", ["mlflow*", "mlflow*/**", "**/mlflow*"])
        config = loader["mlflow"]
        server = _mapping(config.get("server"), "server (mlflow.yml)")
        uri = anchored(server.get("mlflow_tracking_uri"), self.project)
        hide_secrets([uri or "", server.get("mlflow_registry_uri") or ""])
        uri = None if uri is None else kept_by_variables(uri)
        server["mlflow_tracking_uri"] = uri
        loader["mlflow"] = {**config, "server": server}
        if "kedro_mlflow" not in {name.replace("-", "_") for name in settings.DISABLE_HOOKS_FOR_PLUGINS}:
            prepare(uri, self.project, artifacts_folder(config, self.project))
            tag_runs_with_process()

    @hook_impl(trylast=True)  # after kedro-mlflow has opened the run
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Record what the run is: pipeline, environment, code, parameters, versions of its inputs."""
        import mlflow

        run = mlflow.active_run()
        self.run_id = None if run is None else run.info.run_id
        self.catalog = catalog
        self.inputs, self.digests = dict(_input_versions(pipeline, catalog)), {}
        self.summary, self.chosen = {}, None
        if run is not None:
            self._close_stale_runs(run.info.experiment_id)
            name = run_name(run_params["pipeline_names"], self.environment, pipeline, catalog)
            self._client().update_run(run.info.run_id, name=name)
            for dataset, version in self.inputs.items():
                self._log_dataset(dataset, version, "input")
        self._set_tags(
            {
                "pipeline": "+".join(run_params["pipeline_names"] or ["__default__"]),
                "environment": self.environment,
                **git_tags(self.project),
            }
        )
        self._log_parameters(pipeline, catalog)

    @hook_impl
    def before_node_run(self, catalog: DataCatalog) -> None:
        """Remember the catalog: with a ParallelRunner, each process has its own."""
        self.catalog = catalog

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Record a dataset's digest, and its numbers or its file where they are results."""
        if self.run_id is None or self.catalog is None:
            return
        dataset = self.catalog.get(dataset_name)
        path = dataset_path(dataset)
        if path is not None:
            self.digests[dataset_name] = digest = file_digest(path)
            self._log_dataset(dataset_name, digest, "made by this run")
            if _layer(dataset) == "reporting" and path.suffix in SHOWN and not self.artifacts_stay:
                self._client().log_artifact(self.run_id, str(path))
        if dataset_name.endswith("_history"):
            client = self._client()
            log_training(client, client.get_run(self.run_id), *history_metrics(dataset_name, data))
        elif dataset_name == "metrics_summary":
            self.summary = data
            self._log_metrics(summary_metrics(data, trained()))
            self._client().log_table(self.run_id, headline_table(data), HEADLINE)
            self._describe()
        elif dataset_name == "validation_metrics":
            self.chosen = data.get("candidate")
            self._describe()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Record the digests of all that was made, and forget the run that kedro-mlflow is about to close."""
        if self.run_id is not None:  # what other processes have made is read here
            for name in sorted(pipeline.all_outputs() - set(self.digests)):
                path = dataset_path(catalog.get(name)) if name in catalog else None
                if path is not None:
                    self.digests[name] = file_digest(path)
        self._end()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Record what was made, and forget the run that kedro-mlflow is about to close as failed."""
        self._end()

    def _end(self) -> None:
        if self.run_id is not None:
            record = {"inputs": self.inputs, "digests": dict(sorted(self.digests.items()))}
            try:
                self._client().log_dict(self.run_id, record, DIGESTS)
            finally:
                self.run_id = None

    def _log_dataset(self, name: str, digest: str, context: str) -> None:
        if name in MAIN_DATA and self.run_id is not None and self.catalog is not None:
            place = str(getattr(self.catalog.get(name), "_filepath", name))
            log_dataset(self._client(), self.run_id, dataset_input(name, digest, place, context))

    def _describe(self) -> None:
        sentence = headline(self.summary, trained(), self.chosen)
        if sentence:
            self._set_tags({DESCRIPTION: f"{sentence} All numbers: {HEADLINE}. For research only."})

    def _client(self) -> Any:
        # Nodes may run in threads and processes of their own, where no run is active: so always by id.
        import mlflow

        return mlflow.MlflowClient()

    def _close_stale_runs(self, experiment_id: str) -> None:
        for run_id in close_stale_runs(self._client(), experiment_id):
            logger.warning(
                "The run %s was stopped without notice; MLflow now lists it as killed.", run_id[:8]
            )

    def _set_tags(self, tags: Mapping[str, str]) -> None:
        if self.run_id is None:
            return
        from mlflow.entities import RunTag

        for batch in _batches([RunTag(key, value) for key, value in tags.items()], ITEMS_PER_BATCH):
            self._client().log_batch(self.run_id, tags=batch)

    def _log_parameters(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        # kedro-mlflow flattens dictionaries but writes a typed configuration as one long string.
        if self.run_id is None:
            return
        from mlflow.entities import Param

        flat: dict[str, str] = {}
        for name in sorted(pipeline.inputs()):
            dataset = catalog.get(name) if name.startswith("params:") else None
            value = None if dataset is None else dataset.load()
            if isinstance(value, Settings):
                flat |= flatten(value.model_dump(), name.removeprefix("params:"))
        for batch in _batches([Param(key, value) for key, value in flat.items()], ITEMS_PER_BATCH):
            self._client().log_batch(self.run_id, params=batch)

    def _log_metrics(self, metrics: Sequence[Metric]) -> None:
        for batch in _batches(metrics, METRICS_PER_BATCH):
            self._client().log_batch(self.run_id, metrics=batch)


def flatten(values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Flatten nested settings to ``{"stage.section.key": "value"}``, as MLflow allows them.

    Keys may be names that a user gave, with any characters.
    """
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = allowed_name(f"{prefix}.{key}")[:LONGEST_NAME]
        flat |= flatten(value, name) if isinstance(value, Mapping) else {name: str(value)[:LONGEST_VALUE]}
    return flat


def _input_versions(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[tuple[str, str]]:
    for name in sorted(pipeline.inputs()):
        dataset = None if name.startswith("param") or not catalog.exists(name) else catalog.get(name)
        if isinstance(dataset, AbstractVersionedDataset) and (version := dataset.resolve_load_version()):
            yield name, version


def _layer(dataset: Any) -> str | None:
    metadata = getattr(dataset, "metadata", None) or {}
    layer: str | None = metadata.get("kedro-viz", {}).get("layer")
    return layer


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _mapping(value: Any, setting: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RunStoppedError(f"The setting '{setting}' is {value!r:.60}; it must be a mapping of names.")
    return value
