"""A project's folder as a run leaves it, with a registered tiny model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from helpers.tiny_registry import make_registry

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def write_version() -> Callable[..., None]:
    """Writes a dataset's file as Kedro versions it."""

    def write(folder: Path, name: str, content: Any, version: str = "2026-02-01T00.00.00.000Z") -> None:
        path = folder / name / version / name
        path.parent.mkdir(parents=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    return write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project; commands are typed in it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "project"
    (folder / "conf" / "base").mkdir(parents=True)
    (folder / "conf" / "test").mkdir()
    for file in ("pyproject.toml", "conf/base/mlflow.yml", "conf/base/globals.yml", "conf/test/globals.yml"):
        shutil.copy(REPOSITORY / file, folder / file)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def image(project: Path) -> Path:
    path = project / "data" / "01_raw" / "phantoms" / "CXR1.png"
    path.parent.mkdir(parents=True)
    levels = np.random.default_rng(0).integers(0, 255, (90, 70), dtype=np.uint8)
    Image.fromarray(levels).save(path)
    return path


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> str:
    """Address of a database with one registered champion."""
    return make_registry(tmp_path_factory.mktemp("registry"), new_database)
