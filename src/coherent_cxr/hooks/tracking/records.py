"""How a run stands in MLflow: its name, its description, its trainings, its data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random

from coherent_cxr.pipelines import systems
from coherent_cxr.stopped import RunStoppedError
from coherent_cxr.tracking.names import PARENT, TRAINING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

DEMONSTRATION = "demonstration"
MAIN_DATA = ("studies", "findings", "splits", "image_store")
"""What appears among MLflow's datasets of a run."""
SEEDED = ("mle_training", "rl_fine_tuning", "baselines")
METRICS_PER_BATCH = 1000


def run_name(names: Sequence[str] | None, environment: str, pipeline: Pipeline, catalog: DataCatalog) -> str:
    """Name a run by corpus, purpose and seed: ``openi · full · seed 0``, ``demonstration · evaluation``.

    Args:
        names: Of the pipelines; None: all stages, whose purpose is the main system.
        environment: Kedro's; ``base`` is the demonstration.
        pipeline: What is run.
        catalog: Its parameters.
    """
    corpus = DEMONSTRATION if environment == "base" else environment
    known = known_systems()
    whole = not names or list(names) == ["__default__"]
    purpose = (known.main if known else "whole run") if whole else " + ".join(names or [])
    seeds = {
        getattr(catalog.load(name), "seed", None)
        for name in sorted(pipeline.inputs())
        if name.startswith("params:") and name.rpartition(".")[2].removeprefix("params:") in SEEDED
    } - {None}
    parts = [corpus, purpose, *([f"seed {next(iter(seeds))}"] if len(seeds) == 1 else [])]
    return " · ".join(parts)


def known_systems() -> systems.Systems | None:
    """Return the systems that the parameters name; None where they name none, as in another project."""
    try:
        return systems.current()
    except RunStoppedError:
        return None


def trained() -> list[str]:
    """Return the names of the generators that are trained, as far as they are known."""
    known = known_systems()
    return list(known.models) if known else []


def log_training(client: Any, parent: Any, name: str, metrics: Sequence[Any]) -> None:
    """Record a training's history in a run of its own below the run of the pipeline.

    Args:
        client: An ``MlflowClient``.
        parent: The run of the pipeline.
        name: Of the training.
        metrics: Its numbers by step.
    """
    tags = {PARENT: parent.info.run_id, TRAINING: name}
    child = client.create_run(parent.info.experiment_id, tags=tags, run_name=f"{name} training")
    for start in range(0, len(metrics), METRICS_PER_BATCH):
        client.log_batch(child.info.run_id, metrics=metrics[start : start + METRICS_PER_BATCH])
    client.set_terminated(child.info.run_id)


def headline_table(summary: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Turn ``{system: {metric: value}}`` into columns, of which the first names the system."""
    names = dict.fromkeys(name for numbers in summary.values() for name in numbers)
    columns: dict[str, list[Any]] = {"system": list(summary)}
    return columns | {name: [numbers.get(name) for numbers in summary.values()] for name in names}


def dataset_input(name: str, digest: str, place: str, context: str) -> DatasetInput:
    """Return MLflow's entry of a dataset.

    Args:
        name: In the catalog.
        digest: SHA-256 of its bytes, or its version; MLflow keeps 36 characters.
        place: Where it is.
        context: ``input`` or ``made by this run``.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    entry = Dataset(name, digest[:36], source_type="local", source=json.dumps({"uri": place}))
    return DatasetInput(entry, tags=[InputTag("mlflow.data.context", context)])


@retry(
    retry=retry_if_exception(lambda error: "IntegrityError" in str(error)),
    stop=stop_after_attempt(5),
    wait=wait_random(0, 0.5),
    reraise=True,
)
def log_dataset(client: MlflowClient, run_id: str, entry: DatasetInput) -> None:
    """Record a dataset of a run.

    MLflow looks whether it knows the dataset and then writes it, so of two runs that record one at the same
    moment the second is refused. It finds the dataset when it asks again.
    """
    client.log_inputs(run_id, [entry])
