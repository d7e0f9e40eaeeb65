"""From decoded images to the report of their study."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.serving.generator import ReportWriter
from coherent_cxr.serving.rest.engine.decoding import DecodedUpload
from coherent_cxr.serving.study_report import ModelIdentity, StudyImage, StudyReport, View


class DecodedStudy(NamedTuple):
    """A study whose images were decoded.

    Attributes:
        study_id: Which study.
        images: Each as it was read, or why it could not be.
    """

    study_id: str
    images: tuple[DecodedUpload | UnreadableImageError, ...]


class Writer(Protocol):
    """Writes reports of decoded studies."""

    model: ModelIdentity
    size: int
    """Side of the square that the model reads."""
    label_rules: str
    operating_point: str | None

    def write(self, studies: Sequence[DecodedStudy]) -> list[StudyReport | Exception]:
        """Write several; a report or an error for each, in the same order."""


class SingleImageWriter:
    """Writes the report of the first image of each study that is not said to be lateral.

    Args:
        writer: With the model.
        model: Which model it is.
    """

    def __init__(self, writer: ReportWriter, model: ModelIdentity) -> None:
        self._writer, self.model = writer, model
        self.size, self.label_rules = writer.bundle.image_size, writer.generator.labeler.name
        self.operating_point = writer.generator.operating_point

    def write(self, studies: Sequence[DecodedStudy]) -> list[StudyReport | Exception]:
        """Write several; a report or an error for each, in the same order."""
        written: list[StudyReport | Exception] = []
        for study in studies:
            try:
                written.append(self._write(study))
            except Exception as error:  # one study never fails the others
                written.append(error)
        return written

    def _write(self, study: DecodedStudy) -> StudyReport:
        read = [image for image in study.images if isinstance(image, DecodedUpload)]
        if not read:
            raise study.images[0]  # type: ignore[misc]  # an error, as nothing was read
        chosen = next((image for image in read if image.upload.view != "lateral"), read[0])
        return StudyReport(
            study_id=study.study_id,
            report=self._writer.write(chosen.radiograph, chosen.upload.name),
            images=tuple(_shown(image, chosen, n) for n, image in enumerate(study.images, 1)),
            uncertain=(),
            nearest=(),
            model=self.model,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def _shown(image: DecodedUpload | UnreadableImageError, chosen: DecodedUpload, position: int) -> StudyImage:
    if isinstance(image, UnreadableImageError):
        return StudyImage(f"The image at position {position}", "unknown", "assumed", str(image))
    given = image.upload.view
    view: View = given or "frontal"
    left_out = None if image is chosen else "The report rests on another image of the study."
    return StudyImage(image.upload.name, view, "given" if given else "assumed", left_out, image.dicom)
