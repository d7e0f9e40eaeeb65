"""What has to be in order before MLflow is used."""

from __future__ import annotations

from pathlib import Path

from coherent_cxr.tracking.addresses import sqlite_path
from coherent_cxr.tracking.database import check_database, prepare_database
from coherent_cxr.tracking.server import require_answer


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
        require_answer(uri)


def check(uri: str) -> None:
    """See to it that runs and models can be read; nothing is made or changed.

    Args:
        uri: MLflow address, absolute.

    Raises:
        TrackingError: If the database or server cannot be used, or there is none.
    """
    path = sqlite_path(uri)
    if path is not None:
        check_database(path)
    else:
        require_answer(uri)
