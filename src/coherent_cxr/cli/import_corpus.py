"""``coherent-cxr import``: a hospital's own table and folder become a corpus that the pipeline reads."""

from __future__ import annotations

import hashlib
import shlex
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coherent_cxr.cli.places import require_writable_folder
from coherent_cxr.cli.project import data_folders, find_project
from coherent_cxr.inputs.names import printable
from coherent_cxr.storage.whole import written_whole

if TYPE_CHECKING:
    import pandas as pd

    from coherent_cxr.chexpert import CheXpertLabeler
    from coherent_cxr.corpora.imported.importing import Imported
    from coherent_cxr.images.source import ImageSource

ENV = "imported"
PAGE, IMAGES_LINK = "quality.html", "images"
MOST_LABELLED = 5000
"""Reports whose labels are counted on the page."""


@click.command(name="import")
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of PNG, JPEG or DICOM files. Without it phantoms can be drawn from the reports.",
)
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of the settings below (study_id: accession); an option counts before it.",
)
@click.option("--study-id", help="Column of the study's id, such as the accession number.")
@click.option("--patient-id", help="Column of the patient's id; without it no split by patient is possible.")
@click.option("--report", help="Column of the whole report; its sections are found by their headings.")
@click.option("--findings", help="Column of the findings, where sections have columns of their own.")
@click.option("--impression", help="Column of the impression.")
@click.option("--indication", help="Column of the indication.")
@click.option("--comparison", help="Column of the comparison.")
@click.option("--technique", help="Column of the technique.")
@click.option(
    "--image",
    "image_columns",
    multiple=True,
    help="Column of image paths, several parted by ';'; may be repeated. Without it an image belongs to the "
    "study as which its file or folder is called.",
)
@click.option("--path-prefix", help="Start of the paths that stands for the folder of images.")
@click.option("--view", help="Column of the view; without it views are found out from the pixels.")
@click.option("--date", help="Column of the study's date.")
@click.option("--date-format", help="How dates are written, such as %d.%m.%Y.")
@click.option("--split", help="Column of the split: train, validation, test.")
@click.option("--encoding", help="Encoding of the table, such as latin-1; found out by default.")
@click.option("--section-rules", help="Section rules for --report: a name or a file.")
@click.option("--rules", default="corrected", show_default=True, help="Rule set of the labels on the page.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write; by default the one that --env imported reads.",
)
def import_corpus(
    table: Path,
    images: Path | None,
    mapping: Path | None,
    image_columns: tuple[str, ...],
    output: Path | None,
    rules: str,
    **options: Any,
) -> None:
    """Import your own reports and images: a TABLE and a folder, with a page about their quality.

    Exit code: 0 done, 1 the table or the folder cannot be used, or nothing in them belongs together, 2 wrong
    options.
    """
    from coherent_cxr.chexpert import RuleFileError
    from coherent_cxr.chexpert.opening import labeler_of
    from coherent_cxr.configuration import ConfigurationError
    from coherent_cxr.corpora.imported.images import ImageFinder
    from coherent_cxr.corpora.imported.importing import import_rows
    from coherent_cxr.corpora.sections.sectioning import SectionRuleError
    from coherent_cxr.images.source import open_source
    from coherent_cxr.inputs.tables.reading import describe, load_table

    try:
        from coherent_cxr.corpora.imported.mapping import read_settings

        settings = read_settings(mapping, {**options, "images": image_columns})
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--mapping") from error
    try:
        labeler = labeler_of(rules, 10_000)
    except RuleFileError as error:
        raise click.BadParameter(str(error), param_hint="--rules") from error
    folder = output or data_folders(find_project(Path.cwd()), ENV)[0] / "01_raw" / "import"
    require_writable_folder(folder, "--output")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PAGE).is_file():
        raise click.ClickException(f"'{folder}' holds other files; name a new folder with --output.")
    source = None if images is None else open_source(images, by_path=True)
    if source is not None and not len(source):
        raise click.ClickException(f"'{printable(images)}' holds no .png, .jpg or .dcm file.")
    read = load_table(table, settings.columns(), encoding=settings.encoding)
    if missing := [name for name in settings.columns() if name not in read.rows]:
        raise click.ClickException(f"'{table}' has no column {' and '.join(missing)}; {describe(read)}.")
    finder = None if source is None else ImageFinder(source.root, source.files, settings.path_prefix)
    try:
        imported = import_rows(settings, read.rows, finder)
    except SectionRuleError as error:
        raise click.BadParameter(str(error), param_hint="--section-rules") from error
    _write(imported, folder, source, len(read.rows), labeler)
    _say(imported, folder, source, elsewhere=output is not None)


def _write(
    imported: Imported, folder: Path, source: ImageSource | None, rows: int, labeler: CheXpertLabeler
) -> None:
    from coherent_cxr.chexpert.tables import label_table
    from coherent_cxr.corpora.imported.loader import write_imported
    from coherent_cxr.corpora.quality import imports
    from coherent_cxr.corpora.quality.page import render
    from coherent_cxr.reports.findings import FindingsExtractionConfig, extract_findings

    studies, images, exclusions, _ = imported.corpus
    files = None if source is None else len(source)
    found = imports.found(studies, images, rows, files, imported.bad_dates)
    findings, _ = extract_findings(FindingsExtractionConfig(target="findings", max_studies=None), studies)
    labels = label_table(labeler, findings.head(MOST_LABELLED))
    shared = imports.shared(studies, images, imported.splits, _digests(source, images))
    tables = imports.describe(found, exclusions, shared, studies, images, findings, labels)
    with written_whole(folder) as writing:
        writing.mkdir()
        write_imported(imported, writing)
        (writing / PAGE).write_text(render(tables), encoding="utf-8")
        if source is not None:
            (writing / IMAGES_LINK).symlink_to(source.root.resolve(), target_is_directory=True)


def _digests(source: ImageSource | None, images: pd.DataFrame) -> dict[str, str]:
    """Return digests of the images that may be equal: files of one length."""
    if source is None:
        return {}
    by_length: dict[int, list[str]] = defaultdict(list)
    for image_id in images["image_id"]:
        by_length[source.files[image_id].length].append(image_id)
    alike = [image_id for ids in by_length.values() if len(ids) > 1 for image_id in ids]
    return {image_id: hashlib.sha256(data).hexdigest() for image_id, data in source.read(alike)}


def _say(imported: Imported, folder: Path, source: ImageSource | None, elsewhere: bool) -> None:
    from coherent_cxr.inputs.tables.study_ids import likely_cause

    studies, images, exclusions, _ = imported.corpus
    texts = int(studies[["findings", "impression"]].notna().any(axis=1).sum())
    click.echo(
        f"{len(studies):,} studies of {studies['patient_id'].nunique():,} patients, {texts:,} with findings "
        f"or an impression; {len(images):,} images; {len(exclusions):,} rows and paths left out."
    )
    for reason, count in exclusions["reason"].value_counts().items():
        click.echo(f"  {count:,} {reason}")
    click.echo(f"Quality: {folder / PAGE}")
    if not texts:
        raise click.ClickException("No row has a text to learn from; are these the right columns?")
    if source is not None and images.empty:
        names = {name.rsplit("/", 1)[-1] for name in source.files}
        cause = likely_cause(set(studies["study_id"]), names)
        example = f"files are called '{printable(next(iter(source.files)))}'"
        raise click.ClickException(f"No image belongs to a study; {example}. {cause}".strip())
    more = "" if source is not None else " --params fabrication.images_root=null"
    if imported.splits is not None:
        more = f"{more or ' --params '}{',' if more else ''}vocabulary_building.split_file="
        more += str(folder / "splits.csv")
    place = f"set COHERENT_CXR_IMPORT={shlex.quote(str(folder.resolve()))}, then " if elsewhere else ""
    click.echo(f"Next: {place}coherent-cxr check-data --env {ENV}, then kedro run --env {ENV}{more}")
