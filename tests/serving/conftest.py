"""A tiny model, an image and an empty MLflow database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image

from coherent_cxr.models.bundle import ModelBundle
from helpers.tiny_bundle import make_bundle


@pytest.fixture(scope="session")
def bundle() -> ModelBundle:
    return make_bundle()


@pytest.fixture(scope="session")
def image_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "study.png"
    levels = np.random.default_rng(0).integers(0, 255, (90, 70), dtype=np.uint8)
    Image.fromarray(levels).save(path)
    return path


@pytest.fixture
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_database: Path) -> Iterator[str]:
    """An empty MLflow database, left as it was found."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(new_database, tmp_path / "mlflow.db")
    before, uri = mlflow.get_tracking_uri(), f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("test", str(tmp_path / "mlartifacts")))
    yield uri
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)
