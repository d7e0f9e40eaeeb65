"""Where the project is, seen from the folder in which a command is typed."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from coherent_cxr.inputs.yaml_files import YamlFileError, read_mapping
from coherent_cxr.storage.whole import looks_whole
from coherent_cxr.tracking.addresses import anchored, masked, sqlite_path
from coherent_cxr.tracking.prepare import artifacts_folder, prepare

_VARIABLE = re.compile(r"\$\{oc\.env:\s*(\w+)(?:\s*,\s*([^}]*))?\}")
MLFLOW = Path("conf", "base", "mlflow.yml")
CHAMPION = "models:/coherent-cxr@champion"


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
    server = _mlflow(project).get("server")
    uri = server.get("mlflow_tracking_uri") if isinstance(server, dict) else None
    if not isinstance(uri, str):
        raise click.ClickException(
            f"'{project / MLFLOW}' names no server.mlflow_tracking_uri; write one, such as "
            "sqlite:///mlflow.db."
        )
    return str(anchored(uri, project))


def open_tracking(project: Path) -> str:
    """Return the same, when a database that was copied or moved with its project names the artifacts here.

    Raises:
        TrackingError: If the database is damaged or the server does not answer.
    """
    uri = tracking_uri(project)
    path = sqlite_path(uri)
    if path is not None and path.exists():
        prepare(uri, project, artifacts_folder(_mlflow(project), project))
    return uri


def _mlflow(project: Path) -> dict[str, Any]:
    """Read ``mlflow.yml``; as in Kedro, what ``conf/local`` says replaces what ``conf/base`` says."""
    config: dict[str, Any] = {}
    for name in ("base", "local"):
        path = project / "conf" / name / "mlflow.yml"
        if path.is_file():
            config |= _read(path)
    return config


def environment_message(conf: Path, env: str) -> str | None:
    """Say that there is no such environment, and which might be meant; None if it exists.

    Args:
        conf: The folder of all environments.
        env: Name of an environment.
    """
    if (conf / env).is_dir() or env == "local":
        return None
    known = sorted(path.name for path in conf.iterdir() if path.is_dir() and path.name != "local")
    near = difflib.get_close_matches(env, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
    return f"There is no environment '{env}': {conf / env} does not exist. {hint}"


def data_folders(project: Path, env: str) -> tuple[Path, Path]:
    """Return the folder in which an environment keeps its data, and the one of its results.

    Raises:
        ClickException: If the project has no such environment, its folders are named by a variable that is
            not set, or its results are on no disk.
    """
    message = environment_message(project / "conf", env)
    if message:
        raise click.ClickException(message)
    settings: dict[str, Any] = {}
    for name in ("base", "local" if env == "base" else env):  # the later wins, as in Kedro
        path = project / "conf" / name / "globals.yml"
        if path.is_file():
            settings |= _read(path)
    folder = _resolved(settings, "data", env)
    if folder is None:
        raise click.ClickException(
            f"'{project / 'conf' / 'base' / 'globals.yml'}' names no folder as 'data'."
        )
    shared = _resolved(settings, "shared", env)
    if shared is not None and "://" in shared:
        raise click.ClickException(
            f"The environment '{env}' keeps its results in '{masked(shared)}', and this command reads "
            "folders of this machine only. The numbers are in MLflow, the results page where the run was."
        )
    return project / folder, project / (shared or folder)


def _resolved(settings: dict[str, Any], key: str, env: str) -> str | None:
    """Return a setting of ``globals.yml``, with the environment variables that it names."""
    value = settings.get(key)
    if not isinstance(value, str):
        return None

    def given(variable: re.Match[str]) -> str:
        found = os.environ.get(variable[1], variable[2])
        if found is None:
            raise click.ClickException(
                f"The environment '{env}' takes '{key}' from a variable that is not set: {variable[1]}. Set "
                "it as for the run."
            )
        return found

    return _VARIABLE.sub(given, value)


def settings_message(project: Path) -> str | None:
    """Return what is wrong about the first of a project's settings that is no mapping; None if all are."""
    for path in sorted((project / "conf").rglob("*.yml")):
        try:
            read_mapping(path)
        except YamlFileError as error:
            return f"The settings '{path}' {error}"
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_mapping(path)
    except YamlFileError as error:
        raise click.ClickException(f"The settings '{path}' {error}") from error


def latest_version(dataset: Path) -> Path | None:
    """Return the newest complete version of a versioned dataset, or None if there is none.

    One that is not complete is passed over with a warning.
    """
    for version in sorted(dataset.glob(f"*/{dataset.name}"), reverse=True):
        if looks_whole(version):
            return version
        click.echo(
            f"Warning: '{version}' is incomplete and is passed over; you may delete its folder.", err=True
        )
    return None


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all commands that use a model: which one, and where it is registered."""
    command = click.option(
        "--tracking-uri",
        "uri",
        envvar="MLFLOW_TRACKING_URI",
        help="MLflow address of the registry; by default the one of the project in or above this folder.",
    )(command)
    return click.option(
        "--model",
        default=CHAMPION,
        show_default=True,
        help="A registered model, or the folder of a model bundle.",
    )(command)
