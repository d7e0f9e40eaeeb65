"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Reference data that may not be shipped; named by an environment variable."""
    folder = os.environ.get("COHERENT_CXR_SHARED")
    if not folder:
        pytest.skip("COHERENT_CXR_SHARED names no folder with reference data that may not be shipped")
    return Path(folder)
