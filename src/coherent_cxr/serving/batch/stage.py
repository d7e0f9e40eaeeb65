"""Reports of all studies of a folder or a table, in parts that a stopped run need not write again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, PositiveInt

from coherent_cxr.configuration import ConfigurationError, Settings, require
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.runtime.fingerprint import code_digest, fingerprint
from coherent_cxr.runtime.progress_line import ProgressLine
from coherent_cxr.serving.batch.columns import COLUMNS, EXCLUSIONS, exclusion_of, row_of
from coherent_cxr.serving.batch.listing import StudiesBy, list_studies
from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.study.opening import open_model
from coherent_cxr.serving.study.study import GivenImage, GivenPrior, Refusal, Study
from coherent_cxr.serving.study.writer import FAILED, StudyWriter
from coherent_cxr.storage.whole import looks_whole, written_whole

TYPES = {str: "string", int: "Int64", float: "Float64"}
"""Types that a column has even where all of it is missing."""
REPORTS, REFUSED = "reports.parquet", "exclusions.parquet"


class InferenceConfig(Settings):
    """Which studies get reports, by which model.

    Attributes:
        input: A folder with images below it, or a table of studies; see
            :func:`~coherent_cxr.serving.batch.listing.list_studies`.
        model: ``models:/<name>@<alias>``, ``models:/<name>/<version>``, or the folder of a bundle.
        operating_point: Whose thresholds decide what reports affirm; None lets the generator decide.
        studies_by: Whether each PNG or JPEG is a study, or those of a folder are one.
        batch_size: Images whose reports are written together.
        part: Studies that are written together; a run that was stopped goes on after the last whole part.
        work_dir: Where parts are kept.
    """

    input: str | None
    model: str
    operating_point: str | None
    studies_by: StudiesBy
    batch_size: PositiveInt
    part: Annotated[int, Field(ge=1, le=100_000)]
    work_dir: str


def list_input(config: InferenceConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the studies.

    Returns:
        ``study_id``, ``images`` (JSON: path and view of each) and ``prior`` (JSON: paths, days and report of
        the study before; missing where there is none), and what is no study (``id``, ``reason``, ``detail``).

    Raises:
        ConfigurationError: If the input is not named or not there.
        TableError: If it is a table that cannot be read.
    """
    right = "a folder of images or a table of studies (--params inference.input=...)"
    require(config.input is not None, "inference.input", config.input, right)
    try:
        listing = list_studies([Path(str(config.input))], config.studies_by)
    except UnreadableImageError as error:
        raise ConfigurationError(f"'inference.input' is '{config.input}'; it must be {right}.") from error
    rows = [
        (str(study.study_id), json.dumps([(str(image.source), image.view) for image in study.images]), before)
        for study in listing.studies
        for before in [None if study.prior is None else _prior_json(study.prior)]
    ]
    studies = pd.DataFrame(rows, columns=["study_id", "images", "prior"], dtype="string")
    return studies, _excluded(listing.refused)


def generate_piece(
    config: InferenceConfig, tracking_uri: str, studies: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write reports of some studies, part by part; parts of an earlier run are read again.

    Args:
        config: Settings.
        tracking_uri: Where the registry is.
        studies: From :func:`list_input`.

    Returns:
        The reports, as :mod:`.columns` describes them, and the studies that got none.
    """
    writer = _writer(config.model, tracking_uri, config.operating_point, config.batch_size)
    reports, excluded = [_table([], COLUMNS)], [_excluded([])]
    with ProgressLine(len(studies), "reports", "studies") as line:
        for start in range(0, len(studies), config.part):
            part = [_study(*row) for row in studies.iloc[start : start + config.part].itertuples(index=False)]
            told, refused = _part(config, writer, part)
            reports.append(told)
            excluded.append(refused)
            line.update(len(part))
    return pd.concat(reports, ignore_index=True), pd.concat(excluded, ignore_index=True)


@lru_cache(maxsize=1)
def _writer(model: str, tracking_uri: str, operating_point: str | None, batch_size: int) -> StudyWriter:
    opened = open_model(model, lambda: tracking_uri)
    return StudyWriter(opened.bundle, opened.identity, operating_point=operating_point, batch_size=batch_size)


def _part(
    config: InferenceConfig, writer: StudyWriter, studies: list[Study]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = Path(config.work_dir) / _key(writer, studies)
    if looks_whole(folder):
        return pd.read_parquet(folder / REPORTS), pd.read_parquet(folder / REFUSED)
    rows, refused = [], []
    for outcome in writer.write_many(studies):
        if isinstance(outcome, Refusal):
            refused.append(outcome)
        else:
            rows.append(row_of(outcome))
    tables = _table(rows, COLUMNS), _excluded(refused)
    if any(refusal.reason == FAILED for refusal in refused):  # it may go better next time
        return tables
    with written_whole(folder) as writing:
        writing.mkdir()
        for table, name in zip(tables, (REPORTS, REFUSED), strict=True):
            table.to_parquet(writing / name, index=False)
    return tables


def _key(writer: StudyWriter, studies: list[Study]) -> str:
    """Return what a part depends on: code, model, and the files of its studies."""
    code = code_digest("coherent_cxr.serving.batch.stage")
    return fingerprint(code, writer.identity, writer.operating_point, *map(_state, studies))


def _state(study: Study) -> tuple[Any, ...]:
    own = (study.study_id, *(part for image in study.images for part in _stamp(image)))
    if study.prior is None:
        return own
    before = (part for image in study.prior.images for part in _stamp(image))
    return (*own, study.prior.days, study.prior.report, *before)


def _stamp(image: GivenImage) -> Iterator[Any]:
    yield from (str(image.source), image.view)
    try:
        status = Path(str(image.source)).stat()
    except (OSError, ValueError):
        return
    yield from (status.st_size, status.st_mtime_ns)


def _study(study_id: str, images: str, prior: Any = None) -> Study:
    own = tuple(GivenImage(Path(path), view=view) for path, view in json.loads(images))
    if not isinstance(prior, str):
        return Study(own, study_id)
    paths, days, report = json.loads(prior)
    before = GivenPrior(tuple(GivenImage(Path(path)) for path in paths), days, report)
    return Study(own, study_id, before)


def _prior_json(prior: GivenPrior) -> str:
    return json.dumps(([str(image.source) for image in prior.images], prior.days, prior.report))


def _excluded(refused: list[Refusal]) -> pd.DataFrame:
    return _table([exclusion_of(refusal) for refusal in refused], EXCLUSIONS)


def _table(rows: list[dict[str, Any]], columns: Mapping[str, type]) -> pd.DataFrame:
    def cell(value: Any) -> Any:
        return storable(value) if isinstance(value, str) else value

    table = pd.DataFrame({name: [cell(row[name]) for row in rows] for name in columns}, dtype=object)
    return table.astype({name: TYPES[kind] for name, kind in columns.items()})
