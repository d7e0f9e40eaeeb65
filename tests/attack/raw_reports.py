"""Damaged reports of Open-I (XML, archives, Kaggle's tables), tables of images: rows or exclusions."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from child import Attempt
from damage import PACKERS, hurt, ill_said, sentence
from report_tables import rows_of, written

from coherent_cxr.corpora.chexpert_plus.loader import ChexpertPlusConfig, parse_chexpert_plus
from coherent_cxr.corpora.image_rows import OTHER_TEXT
from coherent_cxr.corpora.imported.importing import import_rows
from coherent_cxr.corpora.imported.mapping import ImportSettings
from coherent_cxr.corpora.openi.kaggle import PROJECTIONS, parse_kaggle
from coherent_cxr.corpora.openi.kaggle import REPORTS as KAGGLE_REPORTS
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus, parse_openi
from coherent_cxr.corpora.padchest.loader import PadchestConfig, parse_padchest
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.tables.reading import read_table
from helpers.published_tables import CHEXPERT_PLUS, PADCHEST, as_csv, chexpert_row, padchest_row

REPORTS = 5
KNOWN = 150
HEADERS = b"imageid,Patient ID,View Position,Patient Orientation\nCXR1_1_IM-0001-3001,1,PA,\n"


def prepare(folder: Path) -> Attempt:
    """Return what makes one try in a folder."""
    real = real_reports()
    headers = folder / "headers.csv"
    headers.write_bytes(HEADERS)

    def attempt(rng: np.random.Generator, number: int) -> str:
        place = folder / "try"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        kind = number % 4
        if kind == 3:
            return (kaggle, image_rows)[number // 4 % 2](place, rng)
        files = [real[n] for n in rng.permutation(len(real))[:REPORTS]]
        for n in range(REPORTS):
            if rng.random() < (0.2 if kind == 2 else 0.6):
                files[n] = hurt(files[n], real[rng.integers(0, len(real))], rng)
        if kind < 2:
            for n, data in enumerate(files):
                (place / f"{n}.xml").write_bytes(data)
            return accounted(parse_openi(str(place), str(headers), None), REPORTS)
        return archive(place, files, headers, rng)

    return attempt


def real_reports() -> list[bytes]:
    """Return reports of the archive in the package ``torchxrayvision``."""
    package = find_spec("torchxrayvision")
    assert package is not None
    assert package.origin is not None
    found: list[bytes] = []
    with tarfile.open(Path(package.origin).parent / "data" / "NLMCXR_reports.tgz") as opened:
        for member in opened:
            if member.isfile() and (stream := opened.extractfile(member)):
                found.append(stream.read())
            if len(found) == KNOWN:
                return found
    return found


def accounted(parsed: ParsedCorpus, files: int) -> str:
    """Return what is wrong about the count of reports."""
    told = len(parsed.studies) + len(parsed.exclusions)
    wrong = f"{files} files, {len(parsed.studies)} studies, {len(parsed.exclusions)} exclusions"
    bad = [detail for detail in parsed.exclusions["detail"] if not detail.isprintable() or len(detail) > 600]
    return wrong if told != files else "an exclusion is no sentence" if bad else ""


def archive(place: Path, files: list[bytes], headers: Path, rng: np.random.Generator) -> str:
    """Read an archive that is damaged, or holds damaged reports."""
    path, data = place / "reports.tgz", io.BytesIO()
    packer = [*PACKERS, ".tar", ".zip"][rng.integers(0, len(PACKERS) + 2)]
    if packer == ".zip":
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as zipped:
            for n, content in enumerate(files):
                zipped.writestr(f"a/{n}.xml", content)
    else:
        with tarfile.open(fileobj=data, mode="w") as tarred:
            for n, content in enumerate(files):
                info = tarfile.TarInfo(f"a/{n}.xml")
                info.size = len(content)
                tarred.addfile(info, io.BytesIO(content))
    content = data.getvalue()
    injured = rng.random() < 0.8
    inside = packer in PACKERS and rng.random() < 0.3  # the tar is damaged, its packing is not
    content = hurt(content, files[0], rng) if injured and inside else content
    content = PACKERS[packer](content) if packer in PACKERS else content
    content = hurt(content, files[0], rng) if injured and not inside else content
    path.write_bytes(content)
    try:
        parsed = parse_openi(str(path), str(headers), None)
    except CorpusError as error:
        if not injured:
            return f"a good archive was refused: {error}"
        return ill_said(error)
    return "" if injured else accounted(parsed, REPORTS)


def kaggle(place: Path, rng: np.random.Generator) -> str:
    """Read Kaggle's two tables, one of them damaged."""
    reports = [
        {
            "uid": n,
            "MeSH": "normal",
            "indication": sentence(rng),
            "comparison": "None.",
            "findings": sentence(rng),
        }
        | {"impression": sentence(rng)}
        for n in range(1, 7)
    ]
    views = [
        {"uid": n, "filename": f"{n}_IM-0001-4001.dcm.png", "projection": "Frontal"} for n in range(1, 7)
    ]
    tables = {KAGGLE_REPORTS: written(reports, "csv"), PROJECTIONS: written(views, "csv")}
    injured = list(tables)[rng.integers(0, 2)]
    tables[injured] = hurt(tables[injured], tables[PROJECTIONS], rng)
    for name, data in tables.items():
        (place / name).write_bytes(data)
    try:
        parsed = parse_kaggle(str(place))
    except CorpusError as error:
        return ill_said(error)
    rows = sum(rows_of(place / name, "csv", header=True) for name in tables)
    told = len(parsed.studies) + len(parsed.images) + len(parsed.exclusions)
    return "" if told == rows else f"{rows} rows came in, {told} studies, images and exclusions went out"


def image_rows(place: Path, rng: np.random.Generator) -> str:
    """Read a damaged table of PadChest, CheXpert Plus or a hospital: every row is a row of what comes out."""
    kind = ("padchest", "chexpert_plus", "imported")[rng.integers(0, 3)]
    texts = [sentence(rng) for _ in range(6)]
    if kind == "chexpert_plus":
        paths = [f"train/patient{n:05d}/study1/view1_frontal.jpg" for n in range(6)]
        rows = [chexpert_row(p, section_findings=t) for p, t in zip(paths, texts, strict=True)]
        data = as_csv(rows, CHEXPERT_PLUS)
    else:
        rows = [padchest_row(str(n), StudyID=f"{n:03d}", Report=t) for n, t in enumerate(texts)]
        data = as_csv(rows, PADCHEST)
    path = place / "df_chexpert_plus_1.csv"
    path.write_bytes(hurt(data, as_csv(rows[:1], rows[0]), rng))
    try:
        if kind == "imported":
            mapping = ImportSettings(study_id="StudyID", patient_id="PatientID", report="Report")
            parsed = import_rows(mapping, read_table(path, mapping.columns()), None).corpus
        elif kind == "padchest":
            parsed = parse_padchest(PadchestConfig(table=str(path)))
        else:
            parsed = parse_chexpert_plus(ChexpertPlusConfig(root=str(path)))
    except (CorpusError, TableError) as error:
        return ill_said(error)
    read = rows_of(path, "csv", header=True)
    left_out = parsed.exclusions[parsed.exclusions["reason"] != OTHER_TEXT]
    kept = len(parsed.studies if kind == "imported" else parsed.images)
    return (
        "" if kept + len(left_out) == read else f"{kind}: {read} rows, {kept} kept, {len(left_out)} left out"
    )
