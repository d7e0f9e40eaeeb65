"""A stage that runs out of order stops with the commands to run first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from coherent_cxr.stopped import RunStoppedError


class MissingArtifactsHook:
    """Stops a run whose inputs do not exist yet, naming all of them and the stages that make them."""

    @hook_impl(tryfirst=True)  # before kedro-mlflow opens a run that would only fail
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Look up every input that no node of the run makes.

        Raises:
            RunStoppedError: If at least one does not exist.
        """
        if run_params["only_missing_outputs"]:
            pipeline = without_finished_nodes(pipeline, catalog)
        missing = [name for name in pipeline.inputs() if _is_artifact(name) and not catalog.exists(name)]
        if missing:
            raise RunStoppedError(missing_artifacts_message(missing, pipelines, run_params["env"]))


def missing_artifacts_message(missing: list[str], stages: Mapping[str, Pipeline], env: str | None) -> str:
    """Say what is missing and which command makes it, in the order in which the commands can run.

    Args:
        missing: Names of datasets.
        stages: Pipelines by name.
        env: Kedro environment of the run.

    Returns:
        One sentence per stage that is to be run first, and one for what no stage makes.
    """
    option = f"--env {env} " if env not in (None, "base", "local") else ""
    order = list(stages)
    makers: dict[str | None, list[str]] = {}
    for name in sorted(missing):
        makers.setdefault(_maker(name, stages), []).append(name)
    sentences = []
    for maker in sorted(makers, key=lambda found: order.index(found) if found else -1):
        names = makers[maker]
        do = "does" if len(names) == 1 else "do"
        if maker is None:
            remedy = "and no pipeline makes it; put it where the catalog expects it."
        else:
            remedy = f"yet; run `kedro run {option}--pipelines {maker}` first."
        quoted = ", ".join(f"'{name}'" for name in names)
        sentences.append(f"{quoted} {do} not exist {remedy}")
    return "\n".join(sentences)


def _maker(dataset: str, stages: Mapping[str, Pipeline]) -> str | None:
    return next(
        (name for name, stage in stages.items() if name != "__default__" and dataset in stage.all_outputs()),
        None,
    )


def _is_artifact(name: str) -> bool:
    return name != "parameters" and not name.startswith("params:")


def without_finished_nodes(pipeline: Pipeline, catalog: DataCatalog) -> Pipeline:
    """Return the nodes that ``kedro run --only-missing-outputs`` has to run."""
    return Pipeline([n for n in pipeline.nodes if not all(catalog.exists(output) for output in n.outputs)])
