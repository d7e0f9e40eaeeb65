"""``kedro package`` makes a wheel and an archive of the settings, which work far from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.cli import project as kedro_cli
from kedro.framework.startup import bootstrap_project

from helpers.environment import make_environment
from helpers.forks import Interpreters
from helpers.phantom_files import PHANTOM, png
from helpers.serving_process import Serving
from helpers.tiny_bundle import make_bundle

REPOSITORY = Path(__file__).resolve().parents[1]
SERVE = 'extra == "serve"'


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``kedro package`` makes of a copy, with the build tools at hand instead of downloaded ones."""
    project = tmp_path_factory.mktemp("packaged") / "project"
    for folder in ("conf", "src"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / folder, project / folder, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / file, project)
    call = kedro_cli.call  # type: ignore[attr-defined]

    def offline(command: list[str], **options: Any) -> None:
        call([*command, "--no-isolation"] if "build" in command else command, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kedro_cli, "call", offline)
        patch.chdir(project)
        answer = CliRunner().invoke(kedro_cli.package, obj=bootstrap_project(project))
    assert answer.exit_code == 0, answer.output
    return project / "dist"


def install(dist: Path, *options: str) -> None:
    """Install the wheel alone."""
    (wheel,) = dist.glob("*.whl")
    pip = [sys.executable, "-m", "pip", *options, "--no-compile", "--quiet", "--no-index", "--no-deps"]
    # Kedro names the copy's sources in PYTHONPATH, where pip would find them installed
    subprocess.run([*pip, str(wheel)], check=True, env={**os.environ, "PYTHONPATH": ""})


@pytest.mark.slow
def test_the_wheel_runs_a_stage_with_the_packaged_settings_outside_the_checkout(
    dist: Path, tmp_path: Path
) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install(dist, "install", "--target", str(site))
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


@pytest.mark.slow
def test_wheel_and_bundle_serve_in_an_environment_of_what_the_wheel_asks_for(
    dist: Path, tmp_path: Path
) -> None:
    asked = [line.partition(";") for line in requires("coherent-cxr") or ()]
    needed = [name for name, _, marker in asked if not marker or SERVE in marker]
    python = make_environment(tmp_path / "environment", needed)
    install(dist, "--python", str(python), "install")
    elsewhere, model = tmp_path / "elsewhere", tmp_path / "bundle"
    elsewhere.mkdir()
    make_bundle().save(model)
    image = tmp_path / "image.png"
    image.write_bytes(png(PHANTOM))
    command = str(python.with_name("coherent-cxr"))
    variables = {"PYTHONPATH": "", "HOME": str(elsewhere)}

    ask = [command, "generate", str(image), "--model", str(model), "--json"]
    done = subprocess.run(
        ask,
        cwd=elsewhere,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    report = json.loads(done.stdout)["report"]
    serving = Serving(
        Interpreters(str(python)),
        elsewhere,
        model,
        command=(command,),
        COHERENT_CXR_TOKEN="x" * 22,
        **variables,
    )
    head = {"Authorization": f"Bearer {'x' * 22}", "Content_Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="i.png"\r\n\r\n'
    body = part + image.read_bytes() + b"\r\n--b--\r\n"
    status, told = serving.ask("POST", "/v1/reports", body=body, **head)
    assert (status, told["report"]) == (200, report)
    assert "not for clinical use" in told["notice"]
    assert serving.ask("GET", "/", None, **head)[0] == 200
    assert serving.stop().code == 0, serving.told
    assert [path.name for path in elsewhere.iterdir()] == ["serve.log"]
