"""How configuration is read: once, as Kedro reads it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from kedro.config import MissingConfigException, OmegaConfigLoader

from coherent_cxr import settings
from coherent_cxr.context import ReadOnceConfigLoader

CONF = Path(__file__).resolve().parents[1] / "conf"


def loader(folder: Path = CONF, env: str = "test", **given: Any) -> ReadOnceConfigLoader:
    return ReadOnceConfigLoader(str(folder), env=env, **given, **settings.CONFIG_LOADER_ARGS)


@pytest.mark.parametrize("key", ["parameters", "catalog", "globals"])
def test_it_says_what_kedros_loader_says_each_time(key: str) -> None:
    assert settings.CONFIG_LOADER_CLASS is ReadOnceConfigLoader
    changes = {"mle_training": {"epochs": 3}}
    kedros = OmegaConfigLoader(str(CONF), env="test", runtime_params=changes, **settings.CONFIG_LOADER_ARGS)
    ours = loader(runtime_params=changes)
    assert ours[key] == ours[key] == kedros[key]
    assert ours["parameters"]["mle_training"]["epochs"] == 3


def test_files_are_read_once_and_each_caller_has_its_own_copy(tmp_path: Path) -> None:
    for name in ("base", "local"):
        (tmp_path / name).mkdir()
    file = tmp_path / "base" / "parameters.yml"
    file.write_text("a: {b: 1}")
    first = loader(tmp_path, "local")
    changed = first["parameters"]
    changed["a"]["b"] = 2
    file.write_text("a: {b: 3}")
    assert first["parameters"] == {"a": {"b": 1}}
    assert loader(tmp_path, "local")["parameters"] == {"a": {"b": 3}}


def test_what_is_set_holds_and_what_is_missing_stays_missing(tmp_path: Path) -> None:
    for name in ("base", "local"):
        (tmp_path / name).mkdir()
    ours = loader(tmp_path, "local")
    for _ in range(2):
        with pytest.raises(MissingConfigException):
            ours["parameters"]
        with pytest.raises(KeyError, match="no such kind"):
            ours["no such kind"]
    lock = threading.Lock()  # nothing that could be copied
    ours["parameters"] = {"lock": lock}
    ours["parameters"]["a"] = 1
    assert ours["parameters"] == {"lock": lock, "a": 1}
