"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is no failure; how time grows with a text has tests of its own
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Reference data that may not be shipped; named by an environment variable."""
    folder = os.environ.get("COHERENT_CXR_SHARED")
    if not folder:
        pytest.skip("COHERENT_CXR_SHARED names no folder with reference data that may not be shipped")
    return Path(folder)
