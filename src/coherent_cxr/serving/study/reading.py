"""Reading the images of a study: pixels, identifiers, and the view of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.reading.decode import UnreadableImageError
from coherent_cxr.images.reading.dicom import is_dicom
from coherent_cxr.images.reading.limits import read_bounded
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.recognition.view_classifier import LATERAL, rank_features
from coherent_cxr.serving.image import prepared
from coherent_cxr.serving.study.study import GivenImage
from coherent_cxr.serving.study_report import DicomReference, StudyImage, View

if TYPE_CHECKING:
    from coherent_cxr.images.reading.dicom.identifiers import Identifiers

ViewFrom = Literal["given", "tags", "classifier", "assumed"]


@dataclass(frozen=True)
class ReadImage:
    """An image that was read, or was not.

    Attributes:
        name: What people call it.
        view: How it was taken; an image of which nothing is known is taken for frontal.
        view_from: How that is known.
        identifiers: Of a DICOM image.
        pixels: Grey levels ``(size, size)``; None if it could not be read.
        notes: Notes of the reader.
        ranks: What the image checks compare ``(1024,)``; None if it could not be read.
        lateral: Probability of a lateral view, by the classifier; one half without one.
        reason: Why it could not be read, as a code.
        detail: The same as a sentence.
    """

    name: str
    view: View = "unknown"
    view_from: ViewFrom = "assumed"
    identifiers: Identifiers | None = None
    pixels: NDArray[np.uint8] | None = None
    notes: tuple[Note, ...] = ()
    ranks: NDArray[np.float32] | None = None
    lateral: float = 0.5
    reason: str = ""
    detail: str = ""

    def shown(self, left_out: str | None = None) -> StudyImage:
        """Return what a report says about it."""
        found = self.identifiers
        reference = DicomReference(*found) if found is not None and all(found) else None
        return StudyImage(self.name, self.view, self.view_from, left_out, reference)


def read_image(given: GivenImage, place: int, size: int, checks: ImageChecks | None) -> ReadImage:
    """Read one image of a study.

    Args:
        given: The image.
        place: Its position in the study, from 0.
        size: Side of the square that the model reads.
        checks: What the model brings to tell views.

    Returns:
        The image; one that cannot be read says why.
    """
    source = given.source
    is_file = isinstance(source, str | Path)
    name = given.name or (Path(str(source)).name if is_file else f"image {place + 1}")
    called = given.name or (str(source) if is_file else f"The image at position {place + 1}")
    tags = given.tags
    try:
        if isinstance(source, UnreadableImageError):
            raise source
        if isinstance(source, str | Path):
            source = read_bounded(Path(source))
        if isinstance(source, bytes) and is_dicom(source):
            from coherent_cxr.images.reading.dicom.identifiers import image_tags

            tags = image_tags(source, called)
        radiograph = prepared(source, size, called)
    except UnreadableImageError as error:
        identifiers = None if tags is None else tags.identifiers
        return ReadImage(name, identifiers=identifiers, reason=error.reason, detail=str(error))
    features = rank_features(radiograph.pixels)
    classifier = None if checks is None else checks.views
    lateral = 0.5 if classifier is None else classifier.lateral(features)
    by_classifier = None if classifier is None else classifier.view(features)
    known: tuple[View, ViewFrom]
    if given.view is not None:
        known = given.view, "given"
    elif tags is not None and tags.view != "unknown":
        known = ("lateral" if tags.view == LATERAL else "frontal"), "tags"
    elif by_classifier is not None:
        known = ("lateral" if by_classifier == LATERAL else "frontal"), "classifier"
    else:
        known = "frontal", "assumed"
    identifiers = None if tags is None else tags.identifiers
    pixels, notes = radiograph.pixels, radiograph.notes
    return ReadImage(name, known[0], known[1], identifiers, pixels, notes, features, lateral)
