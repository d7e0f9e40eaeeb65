"""What has to be in order before MLflow is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coherent_cxr.tracking.addresses import sqlite_path
from coherent_cxr.tracking.database import check_database, prepare_database
from coherent_cxr.tracking.server import PATIENCE, require_answer, require_known


def prepare(uri: str | None, project: Path, artifacts: Path | None) -> None:
    """See to it that a run can be recorded: make or check the database, or ask the server for an answer.

    Args:
        uri: MLflow address, absolute.
        project: The project's folder.
        artifacts: The project's folder of artifacts; None if they are not on this machine.

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
    """See to it that runs and models can be read; nothing is made or changed.

    MLflow itself is asked for less patience with a server than its 120 s and seven more tries.

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
    """Return the folder of artifacts that ``mlflow.yml`` names, or None if it is not on this machine.

    Args:
        config: What is in ``mlflow.yml``.
        project: The project's folder, from which a relative place counts.
    """
    experiment = (config.get("tracking") or {}).get("experiment") or {}
    place = (experiment.get("create_experiment_kwargs") or {}).get("artifact_location")
    return None if not place or ":" in place else project / place
