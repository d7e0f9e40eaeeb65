"""Damaged, fabricated publications of MIMIC-CXR: every report, study and image is a row or an exclusion."""

from __future__ import annotations

import csv
import gzip
import io
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from child import Attempt
from click.testing import CliRunner
from damage import hurt, ill_said
from projects import new_project
from report_tables import no_sentence, rows_of

from coherent_cxr.cli import main
from coherent_cxr.corpora.mimic_cxr.fabrication import MimicFabricationConfig, fabricate_mimic_cxr
from coherent_cxr.corpora.mimic_cxr.files import MimicCxrConfig
from coherent_cxr.corpora.mimic_cxr.loader import listed_studies, parse_mimic_cxr, read_labels
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus
from coherent_cxr.images.phantom import draw_phantom

PATIENTS = 4
STUDIES, IMAGES, VIEWS = "cxr-study-list", "cxr-record-list", "mimic-cxr-2.0.0-metadata"
LABELS = {"chexpert": "mimic-cxr-2.0.0-chexpert", "negbio": "mimic-cxr-2.0.0-negbio"}
OF_ROWS = {"no_study_id", "duplicate_row", "missing_report"}
OF_IMAGES = {"no_image_name", "duplicate_image", "image_in_no_study"}
CHECK_EVERY = 20
"""One in so many tries goes through `check-data` of a project, which reads the split, too."""


def prepare(folder: Path) -> Attempt:
    """Return what makes one try in a folder."""
    csv.field_size_limit(sys.maxsize)
    reports, tables = fabricated(folder / "whole")
    project = new_project(folder / "project")

    def attempt(rng: np.random.Generator, number: int) -> str:
        place = folder / "try"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        texts = {n: hurt(text, b"other", rng) if rng.random() < 0.5 else text for n, text in reports.items()}
        broken = write_reports(place, texts, rng)
        injured = {name for name in tables if rng.random() < 0.15}
        for name, data in tables.items():
            write_table(place / f"{name}.csv", data, rng, name in injured)
        if number % CHECK_EVERY == 0:
            return check_data(project, place)
        config = MimicCxrConfig(root=str(place))
        return read(config, place, len(texts), injured, broken) or read_label_files(config, injured)

    return attempt


def fabricated(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the reports by their paths, and the tables by their names, of an invented publication."""
    fabricate_mimic_cxr(
        MimicFabricationConfig(folder=str(folder), patients=PATIENTS, images=False), draw_phantom
    )
    with zipfile.ZipFile(folder / "mimic-cxr-reports.zip") as archive:
        reports = {name: archive.read(name) for name in archive.namelist()}
    packed = sorted(folder.glob("*.csv.gz"))
    return reports, {p.name.removesuffix(".csv.gz"): gzip.decompress(p.read_bytes()) for p in packed}


def write_table(path: Path, data: bytes, rng: np.random.Generator, injured: bool) -> None:
    """Write a table, packed or not, damaged before or after packing."""
    packed, inside = rng.random() < 0.5, rng.random() < 0.7
    data += data.splitlines(keepends=True)[-1] if rng.random() < 0.1 else b""  # a row that stands there twice
    data = hurt(data, b"other,other\n", rng) if injured and inside else data
    data = gzip.compress(data) if packed else data
    data = hurt(data, b"other,other\n", rng) if injured and not inside else data
    path.with_name(path.name + ".gz" * packed).write_bytes(data)


def write_reports(place: Path, texts: dict[str, bytes], rng: np.random.Generator) -> bool:
    """Write the reports as an archive or a tree of folders; return whether the archive itself is damaged."""
    kind = ["tree", "zip", "tar", "tar.gz"][rng.integers(0, 4)]
    if kind == "tree":
        for name, text in texts.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(text)
        return False
    data = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, text in texts.items():
                zipped.writestr(name, text)
    else:
        with tarfile.open(fileobj=data, mode="w:gz" if kind == "tar.gz" else "w") as tarred:
            for name, text in texts.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                tarred.addfile(info, io.BytesIO(text))
    broken = bool(rng.random() < 0.5)
    content = hurt(data.getvalue(), b"other", rng) if broken else data.getvalue()
    (place / f"mimic-cxr-reports.{kind}").write_bytes(content)
    return broken


def read(config: MimicCxrConfig, place: Path, files: int, injured: set[str], broken: bool) -> str:
    """Parse the corpus; count reports, studies and images by other means than the product's."""
    try:
        parsed = parse_mimic_cxr(config)
    except CorpusError as error:
        needed = broken or injured & {STUDIES, IMAGES, VIEWS}
        return ill_said(error) if needed else f"a good publication was refused: {error}"
    if bad := [text for text in parsed.exclusions["detail"] if not text.isprintable() or len(text) > 600]:
        return f"an exclusion is no sentence: {bad[0][:300]}"
    reason = parsed.exclusions["reason"]
    told = len(parsed.studies) + int((~reason.isin(OF_ROWS | OF_IMAGES)).sum())
    if told != files and not broken:
        return f"{files} files of reports, {told} studies and exclusions"
    rows, told = rows_in(place, IMAGES), len(parsed.images) + int(reason.isin(OF_IMAGES).sum())
    if rows != told:
        return f"{rows} rows of images, {told} images and exclusions"
    return studies_accounted(config, rows_in(place, STUDIES), parsed)


def studies_accounted(config: MimicCxrConfig, rows: int, parsed: ParsedCorpus) -> str:
    """Return what is wrong about the list of studies: each row, and each study of it, is somewhere."""
    listed, excluded = listed_studies(config)
    if rows != len(listed) + len(excluded):
        return f"{rows} rows of studies, {len(listed)} studies and {len(excluded)} exclusions"
    gone = " ".join(parsed.exclusions["id"])
    lost = [
        one for one in listed.index.difference(parsed.studies["study_id"].tolist()) if one.strip() not in gone
    ]
    return f"the study {lost[0][:80]} is neither a row nor an exclusion" if lost else ""


def read_label_files(config: MimicCxrConfig, injured: set[str]) -> str:
    """Read the two tables of labels."""
    for name, file in LABELS.items():
        try:
            read_labels(config, name)
        except CorpusError as error:
            if wrong := ill_said(error) if file in injured else f"good labels were refused: {error}":
                return wrong
    return ""


def rows_in(place: Path, name: str) -> int:
    """Count the rows of a table of the publication."""
    return rows_of(next(place.glob(f"{name}.csv*")), "csv", header=True)


def check_data(project: Path, place: Path) -> str:
    """Ask the command what is missing; it ends in a list, whatever is damaged."""
    before = Path.cwd()
    os.chdir(project)
    try:
        answer = CliRunner().invoke(
            main, ["check-data", "--env", "mimic_cxr"], env={"MIMIC_CXR_ROOT": str(place)}
        )
    finally:
        os.chdir(before)
    listed = answer.exit_code in (0, 1) and "report texts" in answer.output and "\x1b" not in answer.output
    return "" if listed else no_sentence(answer) or answer.output[-500:]
