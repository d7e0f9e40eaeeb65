from __future__ import annotations

from pathlib import Path

import pytest

from training.corpus import Corpus, make_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("corpus") / "store")


@pytest.fixture
def checkpoint_folder(tmp_path: Path) -> str:
    return str(tmp_path / "checkpoints")
