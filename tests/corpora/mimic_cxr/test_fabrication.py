"""Fabricated files look as those that are published, and are the same twice."""

import gzip
from pathlib import Path

from coherent_cxr.corpora.mimic_cxr.fabrication import (
    OBSERVATIONS,
    FabricatedStudy,
    MimicFabricationConfig,
    fabricate_mimic_cxr,
)
from helpers.mimic_publication import grey


def test_files_are_as_published(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    assert sorted(path.name for path in folder.iterdir()) == [
        "cxr-record-list.csv.gz",
        "cxr-study-list.csv.gz",
        "mimic-cxr-2.0.0-chexpert.csv.gz",
        "mimic-cxr-2.0.0-metadata.csv.gz",
        "mimic-cxr-2.0.0-negbio.csv.gz",
        "mimic-cxr-2.0.0-split.csv.gz",
        "mimic-cxr-reports.zip",
    ]
    header = gzip.decompress((folder / "mimic-cxr-2.0.0-chexpert.csv.gz").read_bytes()).split(b"\n")[0]
    assert header.decode() == ",".join(["subject_id", "study_id", *OBSERVATIONS])
    patients = {study.patient_id: study.split for study in invented}
    assert all(patients[study.patient_id] == study.split for study in invented)


def test_fabrication_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fabricate_mimic_cxr(MimicFabricationConfig(folder=str(tmp_path / name), patients=3), grey)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len([path for path in files if path.suffix == ".jpg"]) >= 3
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path
