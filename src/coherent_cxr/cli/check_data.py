"""``coherent-cxr check-data``: what a run needs, before it starts."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import click
import pandas as pd
from kedro.config import OmegaConfigLoader
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project

from coherent_cxr.cli.project import environment_message, find_project
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.corpora import preflight
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.corpora.preflight import Check
from coherent_cxr.images.phantom.fabrication import FabricationConfig
from coherent_cxr.images.preparation import ImagePreparationConfig, adopt_images
from coherent_cxr.images.reading.decode import UnreadableImageError, read_square
from coherent_cxr.images.source import ImageSourceError, open_source
from coherent_cxr.inputs.terminal import plain
from coherent_cxr.pipelines.node_seconds import GIGABYTES, MEASURED, seconds_of_demonstration
from coherent_cxr.reports.encoding import VocabularyBuildingConfig
from coherent_cxr.reports.splits import SplitFileError, read_split_file
from coherent_cxr.runtime.cores import usable_cores
from coherent_cxr.runtime.duration import duration

SAMPLE = 40
PHANTOMS_MEASURED = 3337
"""Phantoms that were synthesised in the measured time."""
COLOURS = {"ok": "green", "missing": "red", "optional": "yellow"}


@click.command(name="check-data")
@click.option("--env", default="base", show_default=True, help="Kedro environment: base, openi, mimic_cxr.")
def check_data(env: str) -> None:
    """Say which files of a corpus are missing and how to get them, and what a run will take.

    Exit code: 0 everything is there, 1 something is missing, 2 wrong options.
    """
    project = find_project(Path.cwd())
    message = environment_message(project / "conf", env)
    if message:
        raise click.BadParameter(message, param_hint="--env")
    with contextlib.chdir(project):  # as in a run, places in the parameters are seen from here
        checks = _checks(project, env)
    for check in checks:
        click.secho(f"{check.state:>9}", fg=COLOURS[check.state], nl=False)
        click.echo(plain(f"  {check.what}: {check.detail}"))
    if any(check.state == "missing" for check in checks):
        raise SystemExit(1)


def _checks(project: Path, env: str) -> list[Check]:
    try:
        parameters = _parameters(project, env)
        parsing = ReportParsingConfig(**parameters["report_parsing"])
        fabrication = FabricationConfig(**parameters["fabrication"])
        preparation = ImagePreparationConfig(**parameters["image_preparation"])
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    checks = preflight.check_reports(parsing)
    images = None
    if all(check.state != "missing" for check in checks):
        read = preflight.read_corpus(parsing)
        checks, images = [*checks, *read.checks], read.images
    checks += _check_split(parameters["vocabulary_building"], images)
    checks += _check_images(fabrication, preparation, parsing.corpus, images)
    if env in ("base", "local") and fabrication.images_root is None:
        seconds = seconds_of_demonstration(len(parameters.get("systems") or []))
        detail = f"about {duration(seconds)} on a 2-core AMD EPYC, and {GIGABYTES} GB on disk"
        checks.append(Check("the whole run", "ok", detail))
    return checks


def _parameters(project: Path, env: str) -> dict[str, Any]:
    bootstrap_project(project)
    arguments = {**settings.CONFIG_LOADER_ARGS, "default_run_env": "local"}
    if env == "base" and (project / "conf" / "local").is_dir():
        env = "local"  # as in a run without --env
    return dict(OmegaConfigLoader(str(project / "conf"), env=env, **arguments)["parameters"])


def _check_split(parameters: dict[str, Any], images: pd.DataFrame | None) -> list[Check]:
    """Read the user's split file, if there is one, and see whether it is about these studies."""
    what = "split of the studies"
    try:
        config = VocabularyBuildingConfig(**parameters)
        if config.split_file is None:
            return []
        split = read_split_file(Path(config.split_file))
    except (ConfigurationError, SplitFileError) as error:
        return [Check(what, "missing", str(error))]
    studies = set(split) if images is None else set(images["study_id"]) & set(split)
    if not any(split[study] == "train" for study in studies):
        detail = f"no study of {config.split_file}'s training split is in the corpus"
        return [Check(what, "missing", f"{detail}; correct vocabulary_building.split_file")]
    return [Check(what, "ok", f"{config.split_file} names {len(studies):,} studies of the corpus")]


def _check_phantoms(preparation: ImagePreparationConfig, images: pd.DataFrame | None) -> list[Check]:
    """Say how many phantoms a run would synthesise, how long that takes, and whether the disk holds them."""
    what = "no radiograph is needed"
    if images is None:
        return [Check("images", "ok", f"phantoms are synthesised; {what}")]
    count = images["study_id"].nunique()
    seconds = count * MEASURED["fabricate_radiographs"] / PHANTOMS_MEASURED
    detail = f"{count:,} phantoms are synthesised in about {duration(seconds)}; {what}"
    disk = preflight.check_disk(count, preparation.size, Path(preparation.work_dir))
    return [Check("images", "ok", detail), disk]


def _check_images(
    fabrication: FabricationConfig,
    preparation: ImagePreparationConfig,
    corpus: str,
    images: pd.DataFrame | None,
) -> list[Check]:
    """Find the images that a run would use, decode a few, and estimate space and time of their store."""
    if fabrication.images_root is None:
        return _check_phantoms(preparation, images)
    try:
        by_path = fabrication.images_named_by == "path"
        source = open_source(fabrication.images_root, by_path=by_path)
    except ImageSourceError as error:
        return [Check("images", "missing", f"{error} {preflight.images_remedy(corpus)}")]
    if not len(source):
        detail = f"{source.root} holds no .png, .jpg or .dcm file. {preflight.images_remedy(corpus)}"
        return [Check("images", "missing", detail)]
    there = f"{len(source):,} files in {source.root}"
    if images is None:
        return [Check("images", "ok", f"{there}; which belong to a study is not known without the reports")]
    some_file = next(iter(source.files))
    used = adopt_images(images, source)
    used = used[used["image_id"].isin(set(source.files))]
    if used.empty:
        names = f"; they are called '{some_file}', the corpus' images '{images['image_id'].iloc[0]}'"
        detail = f"{there}, and none of them belongs to a study with findings{names if len(images) else ''}"
        return [Check("images", "missing", f"{detail}. {preflight.images_remedy(corpus)}")]
    unknown = used["view"].eq("unknown") & preparation.classify_views
    selected = used[used["view"].isin(preparation.views) | unknown]
    if selected.empty:
        views = ", ".join(preparation.views)
        detail = f"none of {len(used):,} has a view that image_preparation.views names ({views})"
        return [Check("images", "missing", detail)]
    studies = selected["study_id"].nunique()
    belong = f"{there}, {len(selected):,} belong to {studies:,} studies with findings"
    sample = selected["image_id"].tolist()[:: max(1, len(selected) // SAMPLE)][:SAMPLE]
    start, unreadable = time.perf_counter(), 0
    for image_id, data in source.read(sample):
        try:
            read_square(data, preparation.size, name=image_id)
        except UnreadableImageError:
            unreadable += 1
    cores = usable_cores()
    seconds = (time.perf_counter() - start) / len(sample) * len(selected) / cores
    detail = f"{belong}; decoding all takes about {duration(seconds)} on {cores} cores"
    bad = f"; {unreadable} of {len(sample)} looked at cannot be read" if unreadable else ""
    state = "missing" if unreadable == len(sample) else "ok"
    disk = preflight.check_disk(len(selected), preparation.size, Path(preparation.work_dir))
    return [Check("images", state, detail + bad), disk]
