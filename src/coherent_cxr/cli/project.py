"""Where the project is, seen from the folder in which a command is typed."""

from __future__ import annotations

from pathlib import Path

import click
import yaml

MLFLOW = Path("conf", "base", "mlflow.yml")


def find_project(start: Path) -> Path:
    """Return the nearest folder, upwards, that holds a project of ours.

    Args:
        start: Where to begin.

    Raises:
        ClickException: If there is none.
    """
    for folder in (start, *start.parents):
        if (folder / MLFLOW).is_file() and (folder / "pyproject.toml").is_file():
            return folder
    raise click.ClickException(
        f"'{start}' lies in no Coherent CXR project (no folder above it holds {MLFLOW}). "
        "Go to the project's folder."
    )


def tracking_uri(project: Path) -> str:
    """Return the MLflow address in the project's ``mlflow.yml``; a relative sqlite address is made whole."""
    uri = str(yaml.safe_load((project / MLFLOW).read_text())["server"]["mlflow_tracking_uri"])
    prefix = "sqlite:///"
    if uri.startswith(prefix):
        return f"{prefix}{project / uri.removeprefix(prefix)}"
    return uri


def data_folder(project: Path, env: str) -> Path:
    """Return the folder in which an environment keeps its data.

    Raises:
        ClickException: If the project has no such environment.
    """
    if not (project / "conf" / env).is_dir():
        raise click.ClickException(
            f"There is no environment '{env}': {project / 'conf' / env} does not exist."
        )
    settings: dict[str, str] = {}
    for name in ("base", "local" if env == "base" else env):  # the later wins, as in Kedro
        path = project / "conf" / name / "globals.yml"
        if path.is_file():
            settings |= yaml.safe_load(path.read_text()) or {}
    return project / settings["data"]


def latest_version(dataset: Path) -> Path | None:
    """Return the newest version of a versioned dataset, or None if there is none."""
    versions = sorted(dataset.glob(f"*/{dataset.name}"))
    return versions[-1] if versions else None
