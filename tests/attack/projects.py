"""Projects of their own to run, kill and fill the disk of, and what is looked at afterwards."""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.forks import Command, Interpreters, Starter

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = [
    "report_parsing",
    "findings_extraction",
    "chexpert_labelling",
    "vocabulary_building",
    "fabrication",
    "image_preparation",
    "encoder_pretraining",
    "mle_training",
    "rl_fine_tuning",
    "baselines",
    "evaluation",
    "model_registration",
]
WORK = ("data/test/06_models/checkpoints", "data/test/02_intermediate/image_stores")
"""What a stage alone would only open again: it is left out of a copy."""
PATIENCE = 1800
DATA = Path("data/test")


class Ended(NamedTuple):
    """How a run ended: its exit code (minus the signal of a killed one), what it said, and its seconds."""

    code: int
    said: str
    seconds: float


class Run:
    """A ``kedro run --env test`` that goes on meanwhile.

    Args:
        project: Its folder.
        stage: A single stage; None runs all.
        starter: What starts it; an interpreter of its own by default.
        limits: Limits of the process by their names in ``resource``.
    """

    def __init__(
        self,
        project: Path,
        stage: str | None = None,
        starter: Starter | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        arguments = ["-m", "kedro", "run", "--env", "test", *(["--pipelines", stage] if stage else [])]
        more = {"PYTHONPATH": str(project / "src"), "COLUMNS": "200", "DO_NOT_TRACK": "true"}
        self.begin = time.monotonic()
        # not on the disk of the project, which may be full
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the run
        self.process = (starter or Interpreters()).start(
            Command(arguments, project, self.log.fileno(), {**os.environ, **more}, limits)
        )

    def end(self, after: float | None = None) -> Ended:
        """Wait for the end, or kill the run and all its processes after some seconds."""
        try:
            code = self.process.wait(PATIENCE if after is None else after).code
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait().code
        self.log.seek(0)
        said = self.log.read().decode(errors="replace")
        self.log.close()
        return Ended(code, said, time.monotonic() - self.begin)


def new_project(folder: Path) -> Path:
    """Make a project without data."""
    folder.mkdir(parents=True)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(REPOSITORY / name, folder)
    for name in ("conf", "src"):
        shutil.copytree(REPOSITORY / name, folder / name)
    return folder


def copy_of(finished: Path, folder: Path) -> Path:
    """Copy a finished project with its data and database, without what stages only open again."""
    new_project(folder)
    for name in ("data", "mlartifacts"):
        left_out = {str(finished / place) for place in WORK}
        shutil.copytree(
            finished / name,
            folder / name,
            symlinks=True,
            ignore=lambda at, names, out=left_out: [n for n in names if f"{at}/{n}" in out],
        )
    shutil.copy(finished / "mlflow.db", folder)
    return folder


def finished_project(folder: Path) -> Path:
    """Return a project that ran undisturbed: the one that ATTACK_PROJECT names, or one that is made now."""
    compileall.compile_dir(REPOSITORY / "src", quiet=1)  # copies take what is compiled with them
    project = Path(os.environ.get("ATTACK_PROJECT") or folder / "undisturbed")
    ended_well = project / ".ended_well"
    if ended_well.exists():
        return project
    if project.exists():
        shutil.rmtree(project)  # its run was stopped
    ended = Run(new_project(project)).end()
    if ended.code:
        raise RuntimeError(f"The undisturbed run failed: {ended.said[-3000:]}")
    ended_well.touch()
    return project


OF_THE_MACHINE = {
    "images_per_second",
    "step_seconds",
    "reward_seconds",
    "reward_share",
    "labeller_hit_rate",
    "cider_hit_rate",
}
"""Metrics that a restart may change: times, and the memory of what was seen."""


def weights(project: Path) -> dict[str, str]:
    """Return the SHA-256 of the newest version of all weights and tables of a project, by dataset."""
    newest: dict[str, tuple[str, Path]] = {}
    for path in sorted((project / DATA).rglob("*")):
        place = path.relative_to(project / DATA).parts
        if path.is_file() and path.suffix in (".safetensors", ".parquet") and "checkpoints" not in place:
            version = next((part for part in place if part.startswith("20") and part.endswith("Z")), "")
            name = "/".join(part for part in place if part != version)
            if version and version >= newest.get(name, ("", path))[0]:
                newest[name] = (version, path)
    return {name: hashlib.sha256(_content(path)).hexdigest() for name, (_, path) in newest.items()}


def _content(path: Path) -> bytes:
    """Return a file's bytes; of a training's history what does not tell how fast it went."""
    if not path.name.endswith("history.parquet"):
        return path.read_bytes()
    history = pd.read_parquet(path)
    own = ~history["metric"].str.rsplit("/", n=1).str[-1].isin(OF_THE_MACHINE)
    return bytes(pd.util.hash_pandas_object(history[own].reset_index(drop=True)).to_numpy().tobytes())


def running(project: Path) -> int:
    """Count the runs that MLflow takes for running, with nothing of the product's."""
    connection = sqlite3.connect(f"file:{project / 'mlflow.db'}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0])
    finally:
        connection.close()


def judged(project: Path, ended: Ended, expected: dict[str, str]) -> tuple[str, str]:
    """Return (kind of fault, what) of a project whose last run should have finished; empty if all is well."""
    if ended.code:
        return "crash", f"exit code {ended.code}: {ended.said[-1500:]}"
    if left := running(project):
        return "wrong", f"{left} runs are listed as running"
    found = weights(project)
    other = sorted(name for name in expected if found.get(name) != expected[name])
    return ("wrong", f"not as undisturbed: {', '.join(other)}") if other else ("", "")
