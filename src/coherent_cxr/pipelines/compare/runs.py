"""What MLflow recorded of a run, in the form of the comparison page."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Run

from coherent_cxr.evaluation.report.comparison.page import CompareConfig, RecordedRun
from coherent_cxr.evaluation.statistics.resamples import Resamples
from coherent_cxr.tracking.names import DIGESTS, PARENT, TRAINING

logger = logging.getLogger(__name__)

SUMMARY, RESAMPLES = "metrics_summary.json", "headline_resamples.parquet"
RUNS_PER_PAGE = 200
CURVES = ("macro_f1", "cider", "ccr")


class RunNotFoundError(LookupError):
    """A run to compare that is not there; the message says which are."""


def find_runs(config: CompareConfig, client: mlflow.MlflowClient) -> tuple[RecordedRun, RecordedRun]:
    """Find the two runs.

    Args:
        config: Their ids, or beginnings of them, or null for the newest with results.
        client: Where runs are recorded.

    Raises:
        RunNotFoundError: If a run is not there, has no results, or there are fewer than two.
    """

    def find(prefix: str | None, place: int) -> Run:
        with_results: list[Run] = []
        for run in _runs_with_results(client):
            newest = prefix is None and len(with_results) == place
            if newest or (prefix is not None and run.info.run_id.startswith(prefix)):
                return run
            with_results.append(run)
        if prefix is None:
            raise RunNotFoundError(
                f"Two runs with results are needed to compare, but {len(with_results)} are recorded. "
                "Run `kedro run` again, or name runs in compare.first and compare.second. (Where "
                "privacy.keep_artifacts_local is set, results stay on the machine and cannot be compared.)"
            )
        known = ", ".join(f"{run.info.run_id[:8]} ({run.info.run_name})" for run in with_results[:10])
        raise RunNotFoundError(
            f"No recorded run with results begins with '{prefix}'. Runs with results: {known or 'none'}."
        )

    return _recorded(find(config.first, 1), client), _recorded(find(config.second, 0), client)


def _runs_with_results(client: mlflow.MlflowClient) -> Iterator[Run]:
    """Yield runs, the newest first."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    token: str | None = None
    while True:
        page = client.search_runs(
            experiments,
            order_by=["attributes.start_time DESC"],
            max_results=RUNS_PER_PAGE,
            page_token=token,
        )
        runs = (run for run in page if PARENT not in run.data.tags)
        yield from (run for run in runs if SUMMARY in _artifacts(run, client))
        token = page.token
        if not token:
            return


def _artifacts(run: Run, client: mlflow.MlflowClient) -> set[str]:
    return {artifact.path for artifact in client.list_artifacts(run.info.run_id)}


def _recorded(run: Run, client: mlflow.MlflowClient) -> RecordedRun:
    run_id = run.info.run_id
    with TemporaryDirectory() as folder:
        summary = json.loads(Path(client.download_artifacts(run_id, SUMMARY, folder)).read_text())
    tags: dict[str, str] = run.data.tags
    return RecordedRun(
        run_id,
        run.info.run_name or "",
        datetime.fromtimestamp(run.info.start_time / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        summary,
        run.data.params,
        _digests(run, client),
        tags.get("mlflow.source.git.commit", ""),
        _histories(run, client),
        _resamples(run, client),
    )


def _digests(run: Run, client: mlflow.MlflowClient) -> dict[str, str]:
    """Read the digests of a run's data: an artifact, or tags where an earlier release recorded it."""
    tags: dict[str, str] = run.data.tags
    if DIGESTS not in _artifacts(run, client):
        return {
            name.removeprefix("digest."): value for name, value in tags.items() if name.startswith("digest.")
        }
    with TemporaryDirectory() as folder:
        record = json.loads(Path(client.download_artifacts(run.info.run_id, DIGESTS, folder)).read_text())
    return dict(record["digests"])


def _resamples(run: Run, client: mlflow.MlflowClient) -> Resamples | None:
    if RESAMPLES not in _artifacts(run, client):
        return None
    with TemporaryDirectory() as folder:
        path = Path(client.download_artifacts(run.info.run_id, RESAMPLES, folder))
        try:
            return Resamples.of(pd.read_parquet(path))
        except (OSError, KeyError, ValueError) as error:
            logger.warning(
                "The artifact %s of run %s cannot be used, so its differences get no interval: %s",
                RESAMPLES,
                run.info.run_id,
                error,
            )
            return None


def _histories(run: Run, client: mlflow.MlflowClient) -> dict[str, pd.DataFrame]:
    """Read the curves of a run's trainings: nested runs, or itself as earlier releases wrote."""
    rows: dict[str, list[dict[str, Any]]] = {}
    nested = client.search_runs([run.info.experiment_id], f"tags.`{PARENT}` = '{run.info.run_id}'")
    found = [(one, name) for one in (run, *nested) for name in one.data.metrics]
    for holder, name in found:
        training = holder.data.tags.get(TRAINING)
        system, _, metric = (f"{training}/{name}" if training else name).rpartition("/validation/")
        if system and metric in CURVES:
            points = sorted(client.get_metric_history(holder.info.run_id, name), key=lambda one: one.step)
            # validated once an epoch; a reinforcement run once more, before its first step
            for epoch, point in enumerate(points, start=0 if points[0].step == 0 else 1):
                row = {"step": point.step, "epoch": epoch, "split": "validation", "metric": metric}
                rows.setdefault(system, []).append({**row, "value": point.value})
    return {system: pd.DataFrame(own) for system, own in rows.items()}
