"""Is everything there that a run will need, how to get what is not, and what the run will take."""

from __future__ import annotations

import shutil
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

from coherent_cxr.corpora.kaggle import PROJECTIONS, REPORTS
from coherent_cxr.corpora.mimic_cxr import JPG, PUBLICATIONS, MimicCxrConfig, find_file, read_table
from coherent_cxr.corpora.openi import CorpusError
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.corpora.sectioning import Sectioner

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
        state: "ok", "missing" (the run cannot start) or "optional" (it can do without).
        detail: Where it is, or how to get it.
    """

    what: str
    state: str
    detail: str


def check_reports(config: ReportParsingConfig) -> list[Check]:
    """Look for the files of the configured corpus and read a little of each."""
    if config.corpus == "mimic_cxr":
        return _check_mimic_cxr(config.mimic_cxr)
    if config.corpus == "openi_kaggle":
        folder = Path(config.reports or "")
        remedy = "download 'chest-xrays-indiana-university' from Kaggle and set report_parsing.reports to it"
        return [_file(folder / name, name, remedy) for name in (REPORTS, PROJECTIONS)]
    if config.reports is None:
        return [Check("Open-I reports", "ok", "the archive in the torchxrayvision package is read")]
    return [_file(Path(config.reports), "Open-I reports", "run the pipeline 'download_openi'")]


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


def report_seconds(config: MimicCxrConfig) -> tuple[int, float]:
    """Section a sample of the reports.

    Returns:
        Number of reports, and the seconds that reading all of them will take on one core.
    """
    path = find_file(config, "reports")
    sectioner = Sectioner(config.section_rules)
    with zipfile.ZipFile(str(path)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".txt")]
        start = time.perf_counter()
        for name in names[:SAMPLE]:
            sectioner.split(archive.read(name).decode("utf-8", errors="replace"))
        spent = time.perf_counter() - start
    return len(names), spent / max(1, min(SAMPLE, len(names))) * len(names)


def _check_mimic_cxr(config: MimicCxrConfig) -> list[Check]:
    try:
        config.folders()
    except CorpusError as error:
        return [Check("folder", "missing", str(error))]
    checks = []
    for name, published in PUBLICATIONS.items():
        path = find_file(config, name)
        if path is None:
            get = f"{published.names[0]} is not there; it is at {published.source} (credentialed access)"
            state = "optional" if name in OPTIONAL else "missing"
            checks.append(Check(published.use, state, f"{get}; {OPTIONAL.get(name, 'it is needed')}"))
            continue
        try:
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    detail = f"{path}: {len(archive.namelist()):,} files"
            else:
                detail = f"{path}: {len(read_table(config, name)):,} rows"
            checks.append(Check(published.use, "ok", detail))
        except (CorpusError, zipfile.BadZipFile) as error:
            checks.append(Check(published.use, "missing", f"{path}: {error}"))
    return checks


def _file(path: Path, what: str, remedy: str) -> Check:
    if path.exists():
        return Check(what, "ok", str(path))
    return Check(what, "missing", f"there is nothing at {path}; {remedy}")


def images_remedy(corpus: str) -> str:
    """Say how to get the radiographs of a corpus."""
    return {
        "openi": "Run the pipeline 'download_openi', or set COHERENT_CXR_OPENI_IMAGES "
        "(fabrication.images_root) to your copy.",
        "openi_kaggle": "Set fabrication.images_root to the folder images_normalized.",
        "mimic_cxr": f"They are at {JPG}; set MIMIC_CXR_IMAGES (fabrication.images_root) to the folder files/.",
    }[corpus]
