"""A run that many tests look at."""

from __future__ import annotations

import pytest

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.training.scst.train import fine_tune
from helpers.enumerable_policy import toy
from helpers.scst_runs import arguments, config
from helpers.tiny_generator import make_generator

__all__ = ["toy"]


@pytest.fixture(scope="session")
def generator(corpus) -> ModelBundle:
    return make_generator(corpus)


@pytest.fixture(scope="session")
def features(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="session")
def whole(corpus, generator, features):
    return fine_tune(config(features), *arguments(corpus, generator))
