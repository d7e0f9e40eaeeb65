"""``coherent-cxr summary``: what the last run made, and where to look next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from coherent_cxr.cli.project import data_folders, find_project, latest_version, tracking_uri
from coherent_cxr.tracking.addresses import masked, sqlite_address


@click.command()
@click.option("--env", default="base", show_default=True, help="Kedro environment of the run.")
def summary(env: str) -> None:
    """Print systems and headline metrics of the last run, and the commands that show the rest."""
    project = find_project(Path.cwd())
    env = "base" if env == "local" else env
    data, results = data_folders(project, env)
    reporting = results / "08_reporting"
    option = "" if env == "base" else f" --env {env}"
    newest = latest_version(reporting / "metrics_summary.json")
    if newest is None:
        raise click.ClickException(
            f"There are no results in '{reporting}' yet; run `kedro run{option}` first, or name another "
            "environment with --env."
        )
    click.echo(f"\nTest split, results of {newest.parent.name}\n")
    click.echo(tables(json.loads(newest.read_text())))
    click.echo(f"\n{_drawn_notice(data)}For research only, not for clinical use.\n")
    for what, line in _next_steps(project, data, reporting, option):
        click.echo(f"{what:<22}{line}")


def tables(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out a table for each protocol of language ("BLEU-4, r2gen") and each judge ("CCR corrected")."""
    headed: dict[str, dict[str, dict[str, Any]]] = {}
    for system, numbers in results.items():
        for name, value in numbers.items():
            language, comma, protocol = name.partition(", ")
            metric, _, rules = name.partition(" ")
            heading = f"Findings, judged by rule set {rules}" if rules else ""
            if comma:
                metric, heading = language, f"Language, {protocol} tokens"
            headed.setdefault(heading, {}).setdefault(system, {})[metric] = value
    return "\n\n".join(
        f"{heading}\n{table(own)}" if heading else table(own) for heading, own in headed.items()
    )


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out ``{system: {metric: value}}`` in columns; a metric that a system lacks is a dash."""
    metrics = list(dict.fromkeys(name for numbers in results.values() for name in numbers))
    rows = [["system", *metrics]]
    for system, numbers in results.items():
        rows.append([system, *(_cell(numbers.get(name)) for name in metrics)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _next_steps(project: Path, data: Path, reporting: Path, option: str) -> list[tuple[str, str]]:
    bin_folder = ".venv/bin/" if (project / ".venv" / "bin").is_dir() else ""
    uri = masked(tracking_uri(project)).replace(f"{sqlite_address(project)}/", "sqlite:///")
    steps = []
    page = latest_version(data / "08_reporting" / "results_page.html")  # pages stay where the run was
    if page is not None:
        steps.append(("results page", str(_short(page))))
    steps.append(("pipeline and data", f"{bin_folder}kedro viz run{option}"))
    steps.append(("runs and models", f"{bin_folder}mlflow ui --backend-store-uri {uri}"))
    image = _an_image(project, data)
    if image is not None:
        steps.append(("report for an image", f"{bin_folder}coherent-cxr generate {_short(image)}"))
    return steps


def _an_image(project: Path, data: Path) -> Path | None:
    manifest = _radiographs(data)
    root = project / manifest.get("root", "")
    if not manifest or not root.is_dir():  # a tar holds no file to name
        return None
    images = [path for path in sorted(root.rglob("*")) if path.suffix in (".png", ".jpg", ".jpeg")]
    unseen = _images_of_test_studies(data)
    return next((path for path in images if path.stem in unseen), images[0] if images else None)


def _images_of_test_studies(data: Path) -> set[str]:
    """Return the images of studies that no generator was trained on; none if that is not known."""
    splits = latest_version(data / "04_feature" / "splits.parquet")
    images = latest_version(data / "02_intermediate" / "images.parquet")
    if splits is None or images is None:
        return set()
    import pandas as pd

    known = pd.read_parquet(splits, columns=["study_id", "split"])
    unseen = set(known.loc[known["split"] == "test", "study_id"])
    rows = pd.read_parquet(images, columns=["image_id", "study_id"])
    return set(rows.loc[rows["study_id"].isin(unseen), "image_id"])


def _drawn_notice(data: Path) -> str:
    drawn = _radiographs(data).get("drawn", False)
    return "The images are synthetic phantoms, not radiographs. " if drawn else ""


def _radiographs(data: Path) -> dict[str, Any]:
    newest = latest_version(data / "01_raw" / "radiographs.json")
    return {} if newest is None else dict(json.loads(newest.read_text()))


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
