"""A study as it is given: images of one examination, not read yet."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.serving.image import ImageSource
from coherent_cxr.serving.study_report import StudyImage

if TYPE_CHECKING:
    from coherent_cxr.images.reading.dicom.identifiers import ImageTags


class GivenImage(NamedTuple):
    """An image of a study.

    Attributes:
        source: The image, or where it is; or why it cannot be read, where somebody else has tried.
        name: What people call it; by default the name of its file, or its position.
        view: How it was taken, if that is known.
        tags: Of a DICOM image that somebody else has read.
    """

    source: ImageSource | UnreadableImageError
    name: str | None = None
    view: Literal["frontal", "lateral"] | None = None
    tags: ImageTags | None = None


MOST_DAYS = 36_525
"""The longest interval between two studies of one patient: a hundred years."""


class GivenPrior(NamedTuple):
    """The study before, of the same patient.

    Attributes:
        images: At least one, in any order.
        days: How many days before.
        report: What its findings section says; empty where it has none.
    """

    images: tuple[GivenImage, ...]
    days: float
    report: str = ""


def days_since_prior(given: object) -> float:
    """Read how many days lie between a study and the one before.

    Raises:
        ValueError: If it is not a number of days from 0 to 36,525.
    """
    try:
        days = math.nan if isinstance(given, bool) else float(str(given))
    except ValueError:
        days = math.nan
    if not 0 <= days <= MOST_DAYS:
        said = quote(str(given), 40)
        raise ValueError(f"days_since_prior is {said}; it must be a number of days from 0 to {MOST_DAYS:,}.")
    return days


@dataclass(frozen=True)
class Study:
    """Images of one examination.

    Attributes:
        images: At least one, in any order.
        study_id: Which study; by default its Study Instance UID, else the name of its first image.
        prior: The study before, for a model that reads it.
    """

    images: tuple[GivenImage, ...]
    study_id: str | None = None
    prior: GivenPrior | None = None

    @classmethod
    def of(cls, sources: Iterable[ImageSource | GivenImage], study_id: str | None = None) -> Study:
        """Make a study of images whose views are not known."""
        images = [image if isinstance(image, GivenImage) else GivenImage(image) for image in sources]
        return cls(tuple(images), study_id)


class Refusal(NamedTuple):
    """A study without a report.

    Attributes:
        study_id: Which study.
        reason: Short code, for example ``lateral_only``.
        message: Why, in a sentence.
        images: Its images, with why each was left out.
    """

    study_id: str
    reason: str
    message: str
    images: tuple[StudyImage, ...] = ()


class RefusedStudyError(ValueError):
    """A study that gets no report; the message says why.

    Attributes:
        refusal: The study and its images.
        reason: Short code.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.reason = refusal.reason
