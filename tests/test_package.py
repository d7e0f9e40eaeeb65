"""``kedro package`` makes a wheel and an archive of the settings, which run a stage far from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.cli import project as kedro_cli
from kedro.framework.startup import bootstrap_project

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ``kedro package`` makes of a copy, with the build tools at hand instead of downloaded ones."""
    project = tmp_path / "project"
    for folder in ("conf", "src"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / folder, project / folder, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / file, project)
    call = kedro_cli.call  # type: ignore[attr-defined]

    def offline(command: list[str], **options: Any) -> None:
        call([*command, "--no-isolation"] if "build" in command else command, **options)

    monkeypatch.setattr(kedro_cli, "call", offline)
    monkeypatch.chdir(project)
    answer = CliRunner().invoke(kedro_cli.package, obj=bootstrap_project(project))
    assert answer.exit_code == 0, answer.output
    return project / "dist"


@pytest.mark.slow
def test_the_wheel_runs_a_stage_with_the_packaged_settings_outside_the_checkout(
    dist: Path, tmp_path: Path
) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (wheel,) = dist.glob("*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    variables = {**os.environ, "PYTHONPATH": str(site), "DO_NOT_TRACK": "true"}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=elsewhere, env=variables, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    assert Path(python("-c", "import coherent_cxr; print(coherent_cxr.__file__)").strip()).is_relative_to(
        site
    )
    settings = str(dist / "conf-coherent_cxr.tar.gz")
    stages = "report_parsing,findings_extraction,chexpert_labelling"
    python("-m", "coherent_cxr", "--env", "test", "--conf-source", settings, "--pipelines", stages)
    (labels,) = (elsewhere / "data" / "test" / "03_primary").glob("chexpert_labels.parquet/*/*.parquet")
    assert len(pd.read_parquet(labels)) == 150  # findings_extraction.max_studies of conf/test
