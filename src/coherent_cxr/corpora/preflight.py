"""Preflight check: missing raw files and how to get them, disk space and time of a run."""

from __future__ import annotations

import shutil
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from coherent_cxr.corpora.chexpert_plus.loader import SOURCE as CHEXPERT_PLUS
from coherent_cxr.corpora.chexpert_plus.loader import ChexpertPlusConfig
from coherent_cxr.corpora.imported.loader import ImportedConfig
from coherent_cxr.corpora.mimic_cxr.files import (
    JPG,
    PUBLICATIONS,
    MimicCxrConfig,
    find_file,
    place_of,
    read_table,
)
from coherent_cxr.corpora.mimic_cxr.loader import decode_text, listed_images, listed_studies
from coherent_cxr.corpora.mimic_cxr.reports import count_reports, read_reports
from coherent_cxr.corpora.openi.kaggle import PROJECTIONS, REPORTS
from coherent_cxr.corpora.openi.loader import CorpusError
from coherent_cxr.corpora.padchest.loader import PadchestConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports
from coherent_cxr.corpora.sections.sectioning import Sectioner, SectionRuleError, findings_of
from coherent_cxr.inputs.archives import ArchiveError
from coherent_cxr.runtime.duration import duration

SAMPLE = 300
OPTIONAL = {
    "metadata": "views will be found out from the pixels",
    "split": "set vocabulary_building.split_file to null to split patients 7 : 1 : 2",
    "chexpert": "the pipeline label_comparison cannot run",
    "negbio": "nothing needs it",
}


class Check(NamedTuple):
    """One thing that was looked for.

    Attributes:
        what: What it is.
        state: "ok", "missing" (the run cannot start, or would stop) or "optional" (it can do without).
        detail: Where it is, or how to get it.
    """

    what: str
    state: str
    detail: str


class CorpusCheck(NamedTuple):
    """What reading a corpus found.

    Attributes:
        checks: The tables and reports that were read.
        images: image_id, study_id and view of the images of its studies; None if it cannot be read.
    """

    checks: list[Check]
    images: pd.DataFrame | None


def check_reports(config: ReportParsingConfig) -> list[Check]:
    """Look for the files of the configured corpus, without reading them; a run asks this before it starts."""
    if config.corpus == "mimic_cxr":
        return _find_mimic_cxr(config.mimic_cxr)
    if config.corpus == "openi_kaggle":
        remedy = "download 'chest-xrays-indiana-university' from Kaggle and set report_parsing.reports to it"
        if config.reports is None:
            return [Check("Kaggle's tables", "missing", remedy)]
        return [_file(Path(config.reports) / name, name, remedy) for name in (REPORTS, PROJECTIONS)]
    if config.corpus in ("padchest", "chexpert_plus", "imported"):
        return [_find_table(getattr(config, config.corpus))]
    if config.reports is None:
        checks = [Check("Open-I reports", "ok", "the archive in the torchxrayvision package is read")]
    else:
        checks = [_file(Path(config.reports), "Open-I reports", "run the pipeline 'download_openi'")]
    for what, given, setting in (
        ("DICOM headers", config.headers, "report_parsing.headers"),
        ("views", config.views, "COHERENT_CXR_OPENI_VIEWS (report_parsing.views)"),
    ):
        if given is not None:
            checks.append(_file(Path(given), what, f"correct {setting}"))
    return checks


def read_corpus(config: ReportParsingConfig) -> CorpusCheck:
    """Read what ``report_parsing`` will read: all of a corpus, of MIMIC-CXR the tables and some reports.

    Returns:
        What was found. Where a run would stop, a check is "missing".
    """
    if config.corpus == "mimic_cxr":
        return _read_mimic_cxr(config.mimic_cxr)
    try:
        corpus = parse_reports(config)
    except CorpusError as error:
        return CorpusCheck([Check("reading the reports", "missing", str(error))], None)
    described = corpus.studies[corpus.studies["findings"].notna()]
    detail = (
        f"{len(corpus.studies):,} studies, {len(described):,} with findings; "
        f"{len(corpus.exclusions):,} files or rows would be left out"
    )
    images = corpus.images[corpus.images["study_id"].isin(described["study_id"])]
    return CorpusCheck([Check("reading the reports", _state(len(described)), detail)], images)


def check_disk(images: int, size: int, folder: Path) -> Check:
    """Compare the space of an image store with what is free.

    Args:
        images: Number of images.
        size: Side of the stored images in pixels.
        folder: Where the store is made; folders above it count where it does not exist yet.
    """
    needed = images * size * size
    there = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    free = shutil.disk_usage(there).free
    enough = free > 1.1 * needed
    detail = (
        f"{needed / 1e9:.1f} GB for {images:,} images of {size} px; {free / 1e9:.1f} GB are free in {there}"
    )
    remedy = "" if enough else "; free some space or set image_preparation.work_dir to another disk"
    return Check("disk for the image store", "ok" if enough else "missing", detail + remedy)


def images_remedy(corpus: str) -> str:
    """Say how to get the radiographs of a corpus."""
    return {
        "openi": "Run the pipeline 'download_openi', or set COHERENT_CXR_OPENI_IMAGES "
        "(fabrication.images_root) to your copy.",
        "openi_kaggle": "Set fabrication.images_root to the folder images_normalized.",
        "mimic_cxr": f"They are at {JPG}; set MIMIC_CXR_IMAGES (fabrication.images_root) to the folder "
        "files/.",
        "padchest": "They are at https://bimcv.cipf.es/bimcv-projects/padchest/; set PADCHEST_IMAGES "
        "(fabrication.images_root) to the folder of the unpacked images.",
        "chexpert_plus": f"They are at {CHEXPERT_PLUS}; set CHEXPERT_PLUS_IMAGES (fabrication.images_root) "
        "to the folder that holds train/ and valid/.",
        "imported": "Run 'coherent-cxr import' with --images; without images of your own, "
        "--params fabrication.images_root=null draws phantoms.",
    }[corpus]


def _find_table(config: PadchestConfig | ChexpertPlusConfig | ImportedConfig) -> Check:
    what = "table of images and reports"
    try:
        path = config.path()
    except CorpusError as error:
        return Check(what, "missing", str(error))
    return Check(what, "ok", str(path))


def _find_mimic_cxr(config: MimicCxrConfig) -> list[Check]:
    try:
        config.folders()
    except CorpusError as error:
        return [Check("folder", "missing", str(error))]
    checks = []
    for name, published in PUBLICATIONS.items():
        path = find_file(config, name)
        if path is not None:
            checks.append(Check(published.use, "ok", str(path)))
            continue
        get = f"{published.names[0]} is not there; it is at {published.source} (credentialed access)"
        state = "optional" if name in OPTIONAL else "missing"
        checks.append(Check(published.use, state, f"{get}; {OPTIONAL.get(name, 'it is needed')}"))
    return checks


def _read_mimic_cxr(config: MimicCxrConfig) -> CorpusCheck:
    checks = []
    for name in PUBLICATIONS:
        if name == "reports" or (name in OPTIONAL and find_file(config, name) is None):
            continue
        what = f"reading the {PUBLICATIONS[name].use}"
        try:
            checks.append(Check(what, "ok", f"{len(read_table(config, name)):,} rows"))
        except CorpusError as error:
            checks.append(Check(what, "missing", str(error)))
    try:
        checks.append(_sample_reports(config))
        studies, _ = listed_studies(config)
        images, _ = listed_images(config, set(studies.index))
    except (CorpusError, SectionRuleError, ArchiveError) as error:
        return CorpusCheck([*checks, Check("reading the reports", "missing", str(error))], None)
    return CorpusCheck(checks, images)


def _sample_reports(config: MimicCxrConfig) -> Check:
    """Section some reports."""
    place = place_of(config, "reports")
    sectioner = Sectioner(config.section_rules)
    listed = listed_studies(config)[0].index
    start = time.perf_counter()
    sample = [report for report in islice(read_reports(place), SAMPLE) if not report.reason]
    texts = [decode_text(report.data)[0] for report in sample if report.study_id in listed]
    found = sum(findings_of(sectioner.split(text))[0] is not None for text in texts)
    count = count_reports(place)
    seconds = (time.perf_counter() - start) / max(1, len(texts)) * count
    detail = f"{count:,} reports, about {duration(seconds)}; {found} of the first {len(sample)} have findings"
    return Check("reading the reports", _state(found), detail)


def _state(count: int) -> str:
    return "ok" if count else "missing"


def _file(path: Path, what: str, remedy: str) -> Check:
    if path.exists():
        return Check(what, "ok", str(path))
    return Check(what, "missing", f"there is nothing at {path}; {remedy}")
