"""Fabricated files look as those that are published, and are the same twice."""

import gzip
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.corpora.mimic_cxr.fabrication import (
    OBSERVATIONS,
    FabricatedStudy,
    MimicFabricationConfig,
    fabricate_mimic_cxr,
    invent_studies,
)
from helpers.mimic_publication import grey
from helpers.settings import filled


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
        fabricate_mimic_cxr(filled(MimicFabricationConfig, folder=str(tmp_path / name), patients=3), grey)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len([path for path in files if path.suffix == ".jpg"]) >= 3
    for path in files:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_patients_have_studies_whose_findings_change_and_texts_that_say_so() -> None:
    studies = invent_studies(60, seed=0)
    labeler = CheXpertLabeler("corrected")
    by_patient: dict[str, list[FabricatedStudy]] = {}
    for study in studies:
        by_patient.setdefault(study.patient_id, []).append(study)
        if study.findings:
            labels = labeler.label(" ".join(study.findings))
            assert {name: labels[name] for name in study.labels} == study.labels, study.findings
    changes = Counter(change for study in studies for change in study.changes.values())
    assert changes.keys() == {"new", "worsened", "improved", "unchanged", "resolved"}
    assert min(changes.values()) >= 20
    for own in by_patient.values():
        assert 2 <= len(own) <= 5
        assert own[0].changes == {}
        for before, after in pairwise(own):
            assert before.made < after.made
            for name, change in after.changes.items():
                was, is_now = before.labels.get(name) == 1, after.labels[name] == 1
                assert (was, is_now) == {"new": (False, True), "resolved": (True, False)}.get(
                    change, (True, True)
                )


def test_a_patient_is_one_person_and_only_what_is_shown_changes() -> None:
    drawn: dict[str, set[tuple[str, ...]]] = {}

    def draw(person: str, labels: object, shown: Sequence[str]) -> np.ndarray:
        drawn.setdefault(person, set()).add(tuple(shown))
        return grey()

    with TemporaryDirectory() as folder:
        config = filled(MimicFabricationConfig, folder=f"{folder}/mimic", patients=8)
        studies = fabricate_mimic_cxr(config, draw)
    assert {person.split("-")[0] for person in drawn} == {study.patient_id for study in studies}
    assert any(len(shown) > 1 for shown in drawn.values())
