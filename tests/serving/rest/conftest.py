"""The model that servers of these tests have."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.tiny_bundle import make_bundle


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "bundle"
    make_bundle().save(folder)
    return folder
