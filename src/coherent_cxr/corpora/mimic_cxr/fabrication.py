"""A fabricated MIMIC-CXR: folders, archive and CSV files as published, every text and picture invented."""

from __future__ import annotations

import hashlib
import shutil
import textwrap
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from PIL import Image
from pydantic import NonNegativeInt, PositiveInt

from coherent_cxr.configuration import Settings
from coherent_cxr.corpora.mimic_cxr.courses import Course, Statement, invent_courses, invent_moments

OBSERVATIONS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture",
    "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia",
    "Pneumothorax", "Support Devices",
)  # fmt: skip
"""Columns of the shipped label files, in their order."""

Draw = Callable[[str, Mapping[str, int | None], Sequence[str]], NDArray[np.uint8]]
"""Draws grey levels (height, width) of a person, named by an identifier, with labels and sentences."""


class MimicFabricationConfig(Settings):
    """Settings of the pipeline ``mimic_fabrication``.

    Attributes:
        folder: Where the fabricated publication is written.
        patients: Number of patients; each has two to five studies of one to three images.
        images: Whether pictures are drawn too.
        seed: Seed of everything.
    """

    folder: str
    patients: PositiveInt
    images: bool
    seed: NonNegativeInt


@dataclass(frozen=True)
class FabricatedStudy:
    """One invented study.

    Attributes:
        patient_id: Eight digits, starting with 1.
        study_id: Eight digits, starting with 5.
        layout: Name of the report's layout.
        findings: Sentences of the findings, empty if the layout has none.
        labels: Observation to 1, 0 or -1, as the label files have it.
        shown: What the images show, in sentences.
        changes: What has changed since the study before, by observation: new, worsened, improved, unchanged,
            resolved.
        made: When the study was made.
        report: The text as published.
        views: View Position of each image.
        split: train, validate or test; the same for all studies of a patient.
    """

    patient_id: str
    study_id: str
    layout: str
    findings: tuple[str, ...]
    labels: Mapping[str, int]
    shown: tuple[str, ...]
    changes: Mapping[str, str]
    made: datetime
    report: str
    views: tuple[str, ...]
    split: str

    @property
    def folder(self) -> str:
        """Folder of the study's images inside the publication."""
        return f"files/p{self.patient_id[:2]}/p{self.patient_id}/s{self.study_id}"

    def image_ids(self) -> list[str]:
        """Return the images' identifiers, five groups of hexadecimal digits."""
        keys = [hashlib.sha256(f"{self.study_id}/{n}".encode()).hexdigest() for n in range(len(self.views))]
        return ["-".join(key[i : i + 8] for i in range(0, 40, 8)) for key in keys]


def invent_studies(patients: int, seed: int) -> list[FabricatedStudy]:
    """Invent the studies of some patients.

    Args:
        patients: How many.
        seed: Same seed, same studies; more patients only add studies at the end.
    """
    material = _material()
    studies = []
    layouts = list(material["layouts"])
    for patient in range(patients):
        rng = np.random.default_rng([seed, patient])
        split = ("train", "train", "train", "train", "train", "train", "train", "validate", "test", "test")
        moments = invent_moments(rng)
        courses = invent_courses(material["courses"], moments, rng)
        for number, made in enumerate(moments):
            layout = layouts[(patient + number) % len(layouts)]
            invented = _invent_findings(material, courses, number, rng)
            impression = invented.sentences[0]
            text = material["layouts"][layout].format(
                findings=_wrapped(" ".join(invented.sentences)), impression=_wrapped(impression)
            )
            views = ("PA", "LATERAL") if rng.random() < 0.6 else ("AP",)
            studies.append(
                FabricatedStudy(
                    patient_id=f"1{patient % 10}{patient:06d}",
                    study_id=f"5{patient:06d}{number}",
                    layout=layout,
                    findings=() if layout == "impression_only" else tuple(invented.sentences),
                    labels=invented.labels,
                    shown=tuple(invented.shown),
                    changes=invented.changes,
                    made=made.replace(second=number),
                    report=text,
                    views=(*views, views[0]) if rng.random() < 0.2 else views,
                    split=split[patient % 10],
                )
            )
    return studies


def fabricate_mimic_cxr(config: MimicFabricationConfig, draw: Draw) -> list[FabricatedStudy]:
    """Write a fabricated publication of MIMIC-CXR and MIMIC-CXR-JPG into one folder.

    Where a study has a view twice, the second repeats the first with other brightness and contrast, as in the
    real corpus.

    Args:
        config: Settings.
        draw: What draws the pictures.

    Returns:
        The studies.
    """
    studies = invent_studies(config.patients, config.seed)
    folder = Path(config.folder)
    writing = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    with zipfile.ZipFile(writing / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for study in studies:
            member = zipfile.ZipInfo(f"{study.folder}.txt", (2019, 1, 1, 0, 0, 0))
            archive.writestr(member, study.report)
    for name, table in _tables(studies).items():
        compression = {"method": "gzip", "mtime": 0}
        table.to_csv(writing / f"{name}.csv.gz", index=False, compression=compression)
    if config.images:
        for study in studies:
            _draw_images(study, writing / study.folder, draw)
    shutil.rmtree(folder, ignore_errors=True)
    writing.replace(folder)
    return studies


def _tables(studies: Sequence[FabricatedStudy]) -> dict[str, pd.DataFrame]:
    study_rows = [(s.patient_id, s.study_id, f"{s.folder}.txt") for s in studies]
    records, metadata, split, labels = [], [], [], []
    for study in studies:
        labels.append((study.patient_id, study.study_id, *(study.labels.get(name) for name in OBSERVATIONS)))
        for image_id, view in zip(study.image_ids(), study.views, strict=True):
            records.append((study.patient_id, study.study_id, image_id, f"{study.folder}/{image_id}.dcm"))
            split.append((image_id, study.study_id, study.patient_id, study.split))
            procedure = "CHEST (PA AND LAT)" if "LATERAL" in study.views else "CHEST (PORTABLE AP)"
            spelled = {"PA": "postero-anterior", "AP": "antero-posterior", "LATERAL": "lateral"}[view]
            metadata.append(
                (image_id, study.patient_id, study.study_id, procedure, view, 3056, 2544,
                 f"{study.made:%Y%m%d}", f"{int(f'{study.made:%H%M%S}')}.000", procedure, spelled, "Erect")
            )  # fmt: skip
    label_table = pd.DataFrame(labels, columns=["subject_id", "study_id", *OBSERVATIONS], dtype=object)
    columns = [
        "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows",
        "Columns", "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning",
        "ViewCodeSequence_CodeMeaning", "PatientOrientationCodeSequence_CodeMeaning",
    ]  # fmt: skip
    return {
        "cxr-study-list": pd.DataFrame(study_rows, columns=["subject_id", "study_id", "path"]),
        "cxr-record-list": pd.DataFrame(records, columns=["subject_id", "study_id", "dicom_id", "path"]),
        "mimic-cxr-2.0.0-metadata": pd.DataFrame(metadata, columns=columns),
        "mimic-cxr-2.0.0-split": pd.DataFrame(split, columns=["dicom_id", "study_id", "subject_id", "split"]),
        "mimic-cxr-2.0.0-chexpert": label_table.astype(dict.fromkeys(OBSERVATIONS, float)),
        "mimic-cxr-2.0.0-negbio": label_table.astype(dict.fromkeys(OBSERVATIONS, float)),
    }


def _draw_images(study: FabricatedStudy, folder: Path, draw: Draw) -> None:
    folder.mkdir(parents=True)
    drawn: dict[str, NDArray[np.uint8]] = {}
    for number, (image_id, view) in enumerate(zip(study.image_ids(), study.views, strict=True)):
        if view in drawn:
            pixels = (255 * (drawn[view] / 255.0) ** 0.7 * 0.9 + 12).astype(np.uint8)
        else:
            # one person in all studies, at exposures that differ from study to study
            exposure = np.random.default_rng([int(study.study_id), number]).uniform(0.9, 1.1)
            pixels = draw(f"{study.patient_id}-{view}", study.labels, study.shown)
            pixels = (255 * (pixels / 255.0) ** exposure).astype(np.uint8)
            pixels = np.ascontiguousarray(np.rot90(pixels)) if view == "LATERAL" else pixels
            drawn[view] = pixels
        Image.fromarray(pixels).save(folder / f"{image_id}.jpg", quality=95)


class _Invented(NamedTuple):
    sentences: list[str]
    labels: dict[str, int]
    shown: list[str]
    changes: dict[str, str]


def _invent_findings(
    material: dict[str, Any], courses: Sequence[Course], number: int, rng: np.random.Generator
) -> _Invented:
    stated = {course.observation: course.statement(number, rng) for course in courses}
    observations = list(material["sentences"])
    for place in rng.permutation(len(observations))[: int(rng.integers(3))]:
        by_status = material["sentences"][observations[place]]
        status = list(by_status)[int(rng.integers(len(by_status)))]
        text = by_status[status][int(rng.integers(len(by_status[status])))]
        stated[observations[place]] = Statement(int(status), text, text, "")
    labels = {name: one.label for name, one in stated.items() if one.label is not None and one.text}
    changes = {name: one.change for name, one in stated.items() if one.change}
    if not any(value for name, value in labels.items() if name != "Support Devices"):
        labels["No Finding"] = 1
    changed = [one.text for one in stated.values() if one.change]
    sentences = [
        *_led_in(material, changed, rng),
        *(s.text for s in stated.values() if s.text and not s.change),
    ]
    if number and set(changes.values()) == {"unchanged"}:
        sentences.append(material["no_change"])
    sentences.append(material["fillers"][int(rng.integers(len(material["fillers"])))])
    return _Invented(sentences, labels, [one.shown for one in stated.values() if one.shown], changes)


def _led_in(material: dict[str, Any], changed: list[str], rng: np.random.Generator) -> list[str]:
    if not changed:
        return []
    lead_in = material["lead_ins"][int(rng.integers(len(material["lead_ins"])))]
    first = changed[0]
    if not lead_in.startswith("<"):
        first = first[:1].lower() + first[1:]
    return [lead_in.replace("<sentence>", first), *changed[1:]]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 76).replace("\n", "\n ")


@cache
def _material() -> dict[str, Any]:
    place = files("coherent_cxr.corpora.mimic_cxr") / "fabricated_mimic_cxr.yml"
    material: dict[str, Any] = yaml.safe_load(place.read_text("utf-8"))
    return material
