"""Checks before MLflow is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coherent_cxr.tracking.addresses import sqlite_path
from coherent_cxr.tracking.database import check_database, prepare_database
from coherent_cxr.tracking.server import PATIENCE, require_answer, require_known


def prepare(uri: str | None, project: Path, artifacts: Path | None) -> None:
    """Make sure that a run can be recorded: create or check the database, or contact the server.

    Args:
        uri: MLflow address, absolute.
        project: The project's folder.
        artifacts: The project's artifact folder; None if it is not on this machine.

    Raises:
        TrackingError: If the database or server cannot be used.
    """
    path = sqlite_path(uri)
    if path is not None:
        prepare_database(path, project, artifacts)
    elif uri is not None:
        require_known(uri)
        require_answer(uri)


def check(uri: str) -> None:
    """Check that runs and models can be read; nothing is created or changed.

    Shortens MLflow's own time-out and retries, which are 120 s and seven.

    Args:
        uri: MLflow address, absolute.

    Raises:
        TrackingError: If the database or server cannot be used, or there is none.
    """
    path = sqlite_path(uri)
    if path is not None:
        check_database(path)
        return
    require_known(uri)
    require_answer(uri)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", f"{PATIENCE:.0f}")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


def artifacts_folder(config: Mapping[str, Any], project: Path) -> Path | None:
    """Return the artifact folder that ``mlflow.yml`` names, or None if it is not on this machine.

    Args:
        config: Contents of ``mlflow.yml``.
        project: The project's folder; relative paths start there.
    """
    experiment = (config.get("tracking") or {}).get("experiment") or {}
    place = (experiment.get("create_experiment_kwargs") or {}).get("artifact_location")
    return None if not place or ":" in place else project / place
