"""One MLflow database, made once and copied for every test that spoils one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from coherent_cxr.tracking.database import prepare_database


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    (folder / "mlflow.db").touch()
    (folder / "mlflow.db-journal").write_bytes(b"left behind")
    prepare_database(folder / "mlflow.db", folder, folder / "mlartifacts")
    return folder / "mlflow.db"


@pytest.fixture
def database(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(pristine, tmp_path / "mlflow.db"))
