"""One report generator behind the command line, the MLflow model and whatever else serves a bundle."""

from __future__ import annotations

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.serving.image import ImageSource, prepared
from coherent_cxr.serving.report import NOTICE, Report, SentenceFinding
from coherent_cxr.serving.study.generation import PreparedImage, PreparedStudy, StudyGenerator

__all__ = ["NOTICE", "ImageSource", "Report", "ReportWriter", "SentenceFinding", "prepared"]


class ReportWriter:
    """Writes the report of one frontal image; :class:`~.study.writer.StudyWriter` writes those of studies.

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
            name: What error messages call the image; its path, or "the image", by default.

        Returns:
            The report with its labels, notes and attention.

        Raises:
            UnreadableImageError: If the image cannot be decoded or shows nothing; the message says why.
            OperatingPointError: If the model has no such operating point.
            NonFiniteError: If the model computes numbers that are not finite.
        """
        radiograph = prepared(source, self.bundle.image_size, name)
        image = PreparedImage(radiograph.pixels, notes=radiograph.notes)
        return self.generator.generate([PreparedStudy((image,))])[0].report
