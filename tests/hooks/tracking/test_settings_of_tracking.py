"""Settings that a run's record needs, of another shape than it can use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader

from coherent_cxr.hooks.tracking.runs import TrackingHook
from coherent_cxr.stopped import RunStoppedError


@pytest.mark.parametrize(
    ("name", "text", "setting"),
    [
        ("mlflow.yml", "server: 5\n", "server"),
        ("mlflow.yml", "server: [a]\n", "server"),
        ("parameters.yml", "privacy: yes\n", "privacy"),
    ],
)
def test_what_is_no_mapping_is_named(tmp_path: Path, name: str, text: str, setting: str) -> None:
    for folder in ("base", "local"):
        (tmp_path / "conf" / folder).mkdir(parents=True)
    (tmp_path / "conf" / "base" / "parameters.yml").write_text("seed: 1\n")
    (tmp_path / "conf" / "base" / name).write_text(text)
    loader: Any = OmegaConfigLoader(str(tmp_path / "conf"), base_env="base", default_run_env="local")
    context: Any = SimpleNamespace(project_path=tmp_path, env=None, config_loader=loader)
    with pytest.raises(RunStoppedError, match=f"'{setting}.* must be a mapping of names"):
        TrackingHook().after_context_created(context)
