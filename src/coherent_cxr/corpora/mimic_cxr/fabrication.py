"""A fabricated MIMIC-CXR: folders, archive and CSV files as published, every text and picture invented."""

from __future__ import annotations

import hashlib
import shutil
import textwrap
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from PIL import Image
from pydantic import NonNegativeInt, PositiveInt

from coherent_cxr.configuration import Settings

OBSERVATIONS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture",
    "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia",
    "Pneumothorax", "Support Devices",
)  # fmt: skip
"""Columns of the shipped label files, in their order."""

Draw = Callable[[str, Mapping[str, int | None], Sequence[str]], NDArray[np.uint8]]
"""Draws grey levels (height, width) for an image id, labels and sentences."""


class MimicFabricationConfig(Settings):
    """Settings of the pipeline ``mimic_fabrication``.

    Attributes:
        folder: Where the fabricated publication is written.
        patients: Number of patients; each has one to three studies of one to three images.
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
        report: The text as published.
        views: View Position of each image.
        split: train, validate or test; the same for all studies of a patient.
    """

    patient_id: str
    study_id: str
    layout: str
    findings: tuple[str, ...]
    labels: Mapping[str, int]
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
        for number in range(int(rng.integers(1, 4))):
            layout = layouts[(patient + number) % len(layouts)]
            findings, labels = _invent_findings(material, rng)
            impression = findings[0]
            text = material["layouts"][layout].format(
                findings=_wrapped(" ".join(findings)), impression=_wrapped(impression)
            )
            views = ("PA", "LATERAL") if rng.random() < 0.6 else ("AP",)
            studies.append(
                FabricatedStudy(
                    patient_id=f"1{patient % 10}{patient:06d}",
                    study_id=f"5{patient:06d}{number}",
                    layout=layout,
                    findings=() if layout == "impression_only" else tuple(findings),
                    labels=labels,
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
                (image_id, study.patient_id, study.study_id, procedure, view, 3056, 2544, "21000101",
                 "90000.000", procedure, spelled, "Erect")
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
            pixels = draw(f"{study.study_id}-{number}", study.labels, study.findings)
            pixels = np.ascontiguousarray(np.rot90(pixels)) if view == "LATERAL" else pixels
            drawn[view] = pixels
        Image.fromarray(pixels).save(folder / f"{image_id}.jpg", quality=95)


def _invent_findings(material: dict[str, Any], rng: np.random.Generator) -> tuple[list[str], dict[str, int]]:
    observations = list(material["sentences"])
    chosen = rng.permutation(len(observations))[: int(rng.integers(2, 5))]
    labels: dict[str, int] = {}
    sentences = []
    for place in chosen:
        by_status = material["sentences"][observations[place]]
        status = list(by_status)[int(rng.integers(len(by_status)))]
        labels[observations[place]] = int(status)
        sentences.append(by_status[status][int(rng.integers(len(by_status[status])))])
    if not any(value for name, value in labels.items() if name != "Support Devices"):
        labels["No Finding"] = 1
    sentences.append(material["fillers"][int(rng.integers(len(material["fillers"])))])
    return sentences, labels


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 76).replace("\n", "\n ")


@cache
def _material() -> dict[str, Any]:
    place = files("coherent_cxr.corpora.mimic_cxr") / "fabricated_mimic_cxr.yml"
    material: dict[str, Any] = yaml.safe_load(place.read_text("utf-8"))
    return material
