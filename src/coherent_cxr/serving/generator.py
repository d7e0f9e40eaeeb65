"""One report generator behind the command line, the MLflow model and whatever else serves a bundle."""

from __future__ import annotations

from pathlib import Path

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.serving.image import ImageSource, prepared
from coherent_cxr.serving.report import NOTICE, Report, SentenceFinding
from coherent_cxr.serving.study.generation import PreparedStudy, StudyGenerator
from coherent_cxr.serving.study.reading import read_image
from coherent_cxr.serving.study.selection import Abilities, prepared_images
from coherent_cxr.serving.study.study import GivenImage

__all__ = ["NOTICE", "ImageSource", "Report", "ReportWriter", "SentenceFinding", "prepared"]


class ReportWriter:
    """Writes the report of one image; :class:`~.study.writer.StudyWriter` writes those of studies.

    What tags or the view classifier call a lateral is read as one where the model reads laterals, else as a
    frontal image, with a warning.

    Args:
        bundle: The model.
        remove_repeats: Drop a sentence that stands earlier in the same report, as evaluation does.
        operating_point: Let the label classifier decide by these thresholds what the report affirms, for
            example ``balanced``; None lets the generator decide alone.

    Raises:
        OperatingPointError: If the model cannot follow decisions.
    """

    def __init__(
        self, bundle: ModelBundle, remove_repeats: bool = True, operating_point: str | None = None
    ) -> None:
        self.bundle = bundle
        self.operating_point = operating_point
        self.generator = StudyGenerator(bundle, remove_repeats, operating_point)
        self.labeler = self.generator.labeler

    def write(self, source: ImageSource, name: str | None = None) -> Report:
        """Write the report of one radiograph.

        Args:
            source: The image; of a study with several, the frontal one.
            name: What error messages call the image; its path, or "The image", by default.

        Returns:
            The report with its labels, notes and attention.

        Raises:
            UnreadableImageError: If the image cannot be decoded or shows nothing; the message says why.
            OperatingPointError: If the model has no such operating point.
            NonFiniteError: If the model computes numbers that are not finite.
        """
        called = name or (str(source) if isinstance(source, str | Path) else "The image")
        image = read_image(GivenImage(source, called), 0, self.bundle.image_size, self.bundle.image_checks)
        if image.pixels is None:
            raise UnreadableImageError(image.reason, image.detail)
        read = prepared_images([image], [0], Abilities.of(self.bundle))
        return self.generator.generate([PreparedStudy(read)])[0].report
