"""Fixtures that several packages' tests share."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from coherent_cxr.corpora.openi.loader import ParsedCorpus
    from helpers.forks import Forks
    from helpers.training_corpus import Corpus

# a busy machine is no failure; how time grows with a text has tests of its own
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_configure() -> None:
    """Collect no garbage while modules are imported, where there is none: it takes a fifth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Collect it from here on, and pass over what all tests keep."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with many slow tests first: dealt to processes by file, a long one is never the last."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def chexpert_labels() -> Iterator[None]:
    """Every test begins with CheXpert's labels, whatever the one before has worked with."""
    from coherent_cxr.chexpert.observations import use_label_set

    use_label_set(None)
    yield
    use_label_set(None)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Reference data that may not be shipped; named by an environment variable."""
    folder = os.environ.get("COHERENT_CXR_SHARED")
    if not folder:
        pytest.skip("COHERENT_CXR_SHARED names no folder with reference data that may not be shipped")
    return Path(folder)


@pytest.fixture(scope="session")
def openi() -> ParsedCorpus:
    """The real reports of Open-I, parsed once; nobody changes the tables."""
    from coherent_cxr.corpora.openi.loader import parse_openi

    return parse_openi(None, None, None)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Studies with images, reports and labels that a training learns from in seconds."""
    from helpers.training_corpus import make_corpus  # PyTorch, which most tests do without

    return make_corpus(tmp_path_factory.mktemp("corpus") / "store")


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as MLflow makes it, which takes seconds: tests take a copy."""
    from coherent_cxr.tracking.database import prepare_database

    folder = tmp_path_factory.mktemp("database")
    prepare_database(folder / "mlflow.db", folder, None)
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts commands that have the libraries already, each in a process of its own."""
    from helpers.forks import Forks

    started = Forks()
    yield started
    started.close()


@pytest.fixture
def forked_ranks(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks of a training are forked; that they are started as programs has tests of its own."""
    from coherent_cxr.runtime import distributed
    from helpers.forked_ranks import ForkedRank

    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setattr(distributed, "subprocess", SimpleNamespace(Popen=partial(ForkedRank, forks)))


@pytest.fixture
def checkpoint_folder(tmp_path: Path) -> str:
    return str(tmp_path / "checkpoints")
