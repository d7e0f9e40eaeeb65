"""The report of a whole study: what each door (command line, REST, page, pipeline) shows and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from coherent_cxr.images.reading.notes import Note
from coherent_cxr.serving.report import Report

View = Literal["frontal", "lateral", "unknown"]


class DicomReference(NamedTuple):
    """Identifiers of a DICOM image: what a structured report refers to. They name no patient.

    Attributes:
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        instance_uid: SOP Instance UID.
        class_uid: SOP Class UID.
    """

    study_uid: str
    series_uid: str
    instance_uid: str
    class_uid: str


class StudyImage(NamedTuple):
    """One image of a study, read or left out.

    Attributes:
        name: What people call it: the name of its file, or its position in a request.
        view: How it was taken.
        view_from: How that is known.
        left_out: Why the report does not rest on it, in a sentence; None if it does.
        dicom: Its identifiers; None of an image that is no DICOM.
    """

    name: str
    view: View
    view_from: Literal["given", "tags", "classifier", "assumed"]
    left_out: str | None = None
    dicom: DicomReference | None = None


class NearestStudy(NamedTuple):
    """A training study whose images look alike.

    Attributes:
        study_id: Its id; shown only where the licence of the corpus allows.
        distance: Of their mean features; 0 is the same image.
    """

    study_id: str
    distance: float


class ModelIdentity(NamedTuple):
    """Which model wrote a report.

    Attributes:
        name: As it was asked for, for example ``models:/coherent-cxr@champion``; of a folder its last part.
        version: Its version in the registry; None of a folder.
        digest: SHA-256 of its bundle's manifest.
    """

    name: str
    version: str | None
    digest: str


@dataclass(frozen=True)
class StudyReport:
    """A generated report with all that lets somebody check it.

    Attributes:
        study_id: Which study: as given, its Study Instance UID, or the name of its file or folder.
        report: Text, sentences, labels, probabilities, attention and notes.
        images: All images of the study, in the order in which they were given.
        uncertain: Findings whose probability lies in the band in which the model abstains.
        nearest: Training studies whose images look alike, nearest first; empty where none may be named.
        model: Which model wrote it.
        created: When, in UTC (ISO 8601, seconds).
    """

    study_id: str
    report: Report
    images: tuple[StudyImage, ...]
    uncertain: tuple[str, ...]
    nearest: tuple[NearestStudy, ...]
    model: ModelIdentity
    created: str

    @property
    def notes(self) -> tuple[Note, ...]:
        """Notes on the images, and on how far they are like those of the training."""
        return self.report.notes

    def as_dict(self) -> dict[str, Any]:
        """Return what is shown of the report as plain JSON, the same by every door."""
        return {
            "study_id": self.study_id,
            **self.report.as_dict(),
            "images": [
                {**image._asdict(), "dicom": image.dicom._asdict() if image.dicom else None}
                for image in self.images
            ],
            "uncertain": list(self.uncertain),
            "nearest_studies": [near._asdict() for near in self.nearest],
            "model": self.model._asdict(),
            "created": self.created,
        }
