"""Killed runs: MLflow still lists them as running, so the next run closes them."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any

from coherent_cxr.storage.whole import process_lives

logger = logging.getLogger(__name__)

CONTEXT = "MLFLOW_RUN_CONTEXT"
HOST, PROCESS, STARTED = "process.host", "process.id", "process.started"


def process_tags() -> dict[str, str]:
    """Return tags by which a later run can tell whether the process of a run still exists."""
    process = os.getpid()
    return {HOST: socket.gethostname(), PROCESS: str(process), STARTED: _start_of(process)}


def tag_runs_with_process() -> None:
    """Let each run that this process begins have :func:`process_tags` from its first moment on.

    A process that is killed right after it began a run could not set them any more. MLflow takes tags of new
    runs from an environment variable; those that stand there already stay.
    """
    try:
        given = json.loads(os.environ.get(CONTEXT, "{}"))
    except ValueError:
        given = {}
    tags = {**(given if isinstance(given, dict) else {}), **process_tags()}
    os.environ[CONTEXT] = json.dumps(tags)


def close_stale_runs(client: Any, experiment_id: str) -> list[str]:
    """Close as killed all runs whose process on this machine no longer exists.

    Runs without our tags and runs of other machines are not changed.

    Args:
        client: An ``MlflowClient``.
        experiment_id: The experiment to look in.

    Returns:
        Ids of the runs that were closed.
    """
    running = client.search_runs([experiment_id], "attributes.status = 'RUNNING'", max_results=1000)
    stale = [run.info.run_id for run in running if _is_dead(run.data.tags)]
    for run_id in stale:
        client.set_terminated(run_id, "KILLED")
    return stale


def active_run() -> str | None:
    """Return the id of the run that this thread has open, if the process uses MLflow at all."""
    mlflow = sys.modules.get("mlflow")
    run = None if mlflow is None else mlflow.active_run()
    return None if run is None else str(run.info.run_id)


def close_active_runs(status: str) -> None:
    """Close the runs that this thread has open.

    Args:
        status: MLflow's status: KILLED or FAILED.
    """
    while run_id := active_run():
        close_run(run_id, status)
        try:
            sys.modules["mlflow"].end_run(status)
        except Exception:  # close_run has said why
            return


def close_run(run_id: str | None, status: str) -> None:
    """Close one run, from any thread; errors are only logged, as the process is about to end.

    Args:
        run_id: The run; None does nothing.
        status: MLflow's status: KILLED or FAILED.
    """
    if run_id is None:
        return
    try:
        sys.modules["mlflow"].MlflowClient().set_terminated(run_id, status)
    except Exception as error:
        logger.warning("MLflow could not be told that run %s has ended: %s", run_id[:8], error)


def _is_dead(tags: dict[str, str]) -> bool:
    process = tags.get(PROCESS, "")
    if tags.get(HOST) != socket.gethostname() or not process.isdigit():
        return False
    return not process_lives(int(process)) or _start_of(int(process)) != tags.get(STARTED)


def _start_of(process: int) -> str:
    """Return the start time of a process in clock ticks since boot; empty if it cannot be read."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
