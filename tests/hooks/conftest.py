"""A small Kedro project of its own with this project's hooks: two stages, typed parameters, a namespace."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

REPOSITORY = Path(__file__).resolve().parents[2]

NODES = """
import os, time
from dataclasses import dataclass
from pathlib import Path
import pandas as pd
from matplotlib.figure import Figure
from pydantic import PositiveInt
from coherent_cxr.configuration import Settings

class InnerConfig(Settings):
    rate: float = 0.5

class TrainingConfig(Settings):
    steps: PositiveInt
    inner: InnerConfig = InnerConfig()

def read(config: TrainingConfig):
    if "TINY_WAITS" in os.environ:
        Path(os.environ["TINY_WAITS"]).touch()
        time.sleep(120)
    table = pd.DataFrame({"study_id": ["S1"], "text": ["a secret report"], "n": [config.steps]})
    return table, {"drawn": True}

MEANWHILE = []

def meanwhile(record):
    for call in MEANWHILE:
        call()
    return "done"

def look(table, done):
    return {"n": int(table["n"][0])}

def train(config: TrainingConfig, table):
    rows = [(step, 0.1 * step, "train", "word loss (mean)", 1.0 / (step + 1)) for step in range(config.steps)]
    return pd.DataFrame(rows, columns=["step", "epoch", "split", "metric", "value"])

def draw(table):
    figure = Figure()
    figure.subplots().plot([0, 1])
    summary = {"mle": {"BLEU-4": 0.125, "macro F1 (14)": 0.5, "note": "text", "best": True}}
    return figure, "<html>page</html>", summary, pd.DataFrame({"value": [0.5]})

def fail(table):
    raise RuntimeError("broken on purpose")
"""

REGISTRY = """
from kedro.pipeline import Node, Pipeline
from tiny_project.nodes import draw, fail, look, meanwhile, read, train

def register_pipelines():
    reading = Pipeline([Node(read, "params:reading", ["table", "record"], name="read")])
    training = Pipeline([Node(train, ["params:training", "table"], "training_history", name="train")])
    full = Pipeline([Node(train, ["params:training", "table"], "rl_history", name="train")])
    full = Pipeline(full, namespace="full", inputs={"table"}, parameters={"params:training"})
    drawing = Pipeline([
        Node(draw, "table", ["figure", "results_page", "metrics_summary", "resamples"], name="draw"),
        Node(lambda history: len(history), "training_history", "count", name="count"),
    ])
    interleaved = reading + Pipeline([
        Node(meanwhile, "record", "done", name="meanwhile"),
        Node(look, ["table", "done"], "seen", name="look"),
    ])
    failing = Pipeline([Node(fail, "table", "nothing", name="fail")])
    return {
        "__default__": reading + training + full + drawing,
        "reading": reading, "training": training + full, "drawing": drawing, "failing": failing,
        "interleaved": interleaved,
    }
"""

SETTINGS = """
from coherent_cxr.context import ProjectContext, ReadOnceConfigLoader
from coherent_cxr.hooks import HOOKS as PROJECT_HOOKS
HOOKS = PROJECT_HOOKS
CONTEXT_CLASS = ProjectContext
CONFIG_LOADER_CLASS = ReadOnceConfigLoader
"""


def _dataset(kind: str, layer: str, file: str) -> dict[str, Any]:
    return {
        "type": kind,
        "filepath": f"data/{file}",
        "versioned": True,
        "metadata": {"kedro-viz": {"layer": layer}},
    }


CATALOG = {
    "table": _dataset("coherent_cxr.datasets.tables.ParquetDataset", "raw", "table.parquet"),
    "record": _dataset("coherent_cxr.datasets.json_file.JSONDataset", "raw", "record.json"),
    "training_history": _dataset(
        "coherent_cxr.datasets.tables.ParquetDataset", "model_output", "training_history.parquet"
    ),
    "full.rl_history": _dataset(
        "coherent_cxr.datasets.tables.ParquetDataset", "model_output", "full_history.parquet"
    ),
    "figure": _dataset("coherent_cxr.datasets.figure.FigureDataset", "reporting", "figure.png"),
    "results_page": _dataset("coherent_cxr.datasets.text_file.TextDataset", "reporting", "results_page.html"),
    "metrics_summary": _dataset(
        "coherent_cxr.datasets.json_file.JSONDataset", "reporting", "metrics_summary.json"
    ),
    "resamples": _dataset("coherent_cxr.datasets.tables.ParquetDataset", "reporting", "resamples.parquet"),
}
PARAMETERS = {
    "reading": {"steps": 1},
    "training": {"steps": 3, "inner": {"rate": 0.25}},
}

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def package_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's code, written once: Python imports it once."""
    package = tmp_path_factory.mktemp("code") / "tiny_project"
    package.mkdir()
    for name, text in {
        "nodes": NODES,
        "pipeline_registry": REGISTRY,
        "settings": SETTINGS,
        "cli": "from coherent_cxr.cli import cli",
        "__init__": "",
    }.items():
        (package / f"{name}.py").write_text(text)
    return package.parent


@pytest.fixture
def project(
    tmp_path: Path, package_folder: Path, new_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    monkeypatch.syspath_prepend(package_folder)
    monkeypatch.setenv("DO_NOT_TRACK", "true")
    folder = tmp_path / "project"
    (folder / "conf" / "base").mkdir(parents=True)
    (folder / "conf" / "local").mkdir()
    (folder / "conf" / "other").mkdir()
    (folder / "src").mkdir()  # Kedro wants one inside the project
    (folder / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "tiny_project"\nproject_name = "Tiny"\nkedro_init_version = "1.7.0"\n'
    )
    shutil.copy(REPOSITORY / "conf" / "base" / "mlflow.yml", folder / "conf" / "base")
    shutil.copy(new_database, folder)
    for name, content in {"catalog": CATALOG, "parameters": PARAMETERS}.items():
        (folder / "conf" / "base" / f"{name}.yml").write_text(yaml.safe_dump(content))
    before = mlflow.get_tracking_uri()
    yield folder
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def run(project: Path) -> Run:
    def run_pipeline(*names: str, env: str | None = None, **arguments: Any) -> Any:
        bootstrap_project(project)
        with KedroSession.create(
            project_path=project, env=env, runtime_params=arguments.pop("params", None)
        ) as session:
            return session.run(pipeline_names=list(names) or None, **arguments)

    return run_pipeline


@pytest.fixture
def disable_plugins(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Project setting that keeps a plugin's hooks out of the next runs."""

    def disable(name: str) -> None:
        settings = importlib.import_module("tiny_project.settings")
        monkeypatch.setattr(settings, "DISABLE_HOOKS_FOR_PLUGINS", (name,), raising=False)

    return disable


@pytest.fixture
def client(project: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
