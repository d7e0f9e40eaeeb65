"""Notes on an image that was read despite a defect; shown beside its report."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How much a note matters to a person who reads a report about the image."""

    WARNING = "warning"
    """The image may not be what a report generator was made for; say it beside the report."""
    INFORMATION = "information"
    """The image was read, with an assumption or a choice that somebody may want to know."""


WARNINGS = {
    "lateral_view": "its tags, or a classifier of views, say that it is no frontal view",
    "other_body_part": "its tags name another part of the body than the chest",
    "other_modality": "its tags name another technique than projection radiography",
    "unlike_chest_radiograph": "its grey levels are not arranged as in the radiographs of the training",
    "no_frontal": "the study has no frontal image, so the report rests on a lateral one",
    "unread_images": "some images of the study could not be read",
    "prior_unread": "the study before could not be read, and the report was written without it",
    "unlike_training": "the model's features of it lie far from those of the images it was trained on",
    "burned_in_annotation": "its tags say that the pixels may identify the patient",
    "window_ignored": "its window shows nothing, or is no window at all",
    "multi_frame": "it holds several frames, of which the first was read",
    "frames_missing": "it holds fewer frames than its tags say",
    "contradictory_inversion": "its tags contradict each other about whether low values are bright",
}
"""Codes of notes that are warnings, with what they mean."""
INFORMATION = {
    "monochrome1_inverted": "low values are bright in the file, so grey levels were inverted",
    "not_compared": "the model does not say what its training images were like",
    "assumed_tags": "tags that the decoder needs are absent and were assumed",
    "padding_ignored": "its padding value covers the whole image",
    "texts_ignored": "texts came with the images, and the model reads images alone",
    "prior_ignored": "a study before came with the images, and the model does not read it",
    "prior_report_ignored": "the report of the study before came as well, and the model reads images alone",
    "identifying_tags": "tags that identify the patient are filled; they were not copied",
}
"""Codes of all other notes, with what they mean."""
MEANINGS = {**WARNINGS, **INFORMATION}


class Note(NamedTuple):
    """Something about an image that was read all the same.

    Attributes:
        code: One of :data:`MEANINGS`, for example ``"multi_frame"``.
        detail: A sentence for people, without any value that may identify a patient.
    """

    code: str
    detail: str

    @property
    def level(self) -> Level:
        """Whether it is a warning or an information; an unknown code is a warning."""
        return Level.INFORMATION if self.code in INFORMATION else Level.WARNING

    def as_dict(self) -> dict[str, str]:
        """Return code, level and detail, as ``--json`` and the server show them."""
        return {"code": self.code, "level": str(self.level), "detail": self.detail}
