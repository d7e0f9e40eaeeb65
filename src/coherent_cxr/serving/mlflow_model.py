"""The generator as an MLflow model, logged from this file's code: nothing of ours is pickled.

MLflow runs this file when the model is logged and again when it is loaded; the bundle comes with it as the
artifact ``bundle``.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

import mlflow
import pydantic
from mlflow.pyfunc.model import PythonModel


class Radiograph(pydantic.BaseModel):
    """One row of a request.

    Attributes:
        image: A PNG or JPEG file, base64-encoded.
    """

    image: str


class WrittenReport(pydantic.BaseModel):
    """One row of an answer.

    Attributes:
        report: Readable findings.
        labels: CheXpert labels: 1 positive, 0 negative, -1 uncertain, null absent.
        label_rules: Rule set of these labels.
        notice: What the report must not be used for.
    """

    report: str
    labels: dict[str, int | None]
    label_rules: str
    notice: str


class ReportModel(PythonModel):
    """Writes one report per radiograph."""

    def load_context(self, context: Any) -> None:
        """Open the bundle that was logged with the model."""
        from coherent_cxr.models.bundle import ModelBundle
        from coherent_cxr.serving.generator import ReportWriter

        self.writer = ReportWriter(ModelBundle.load(Path(context.artifacts["bundle"])))

    def predict(  # type: ignore[override]  # MLflow takes a predict without context, whose hints it checks
        self, model_input: list[Radiograph], params: dict[str, Any] | None = None
    ) -> list[WrittenReport]:
        """Write reports.

        Args:
            model_input: Radiographs.
            params: Not used.

        Returns:
            One report for each, in the same order.

        Raises:
            ValueError: If an image is no base64, or cannot be decoded; the message gives its position.
        """
        return [self._write(position, row) for position, row in enumerate(model_input)]

    def _write(self, position: int, row: Radiograph) -> WrittenReport:
        from coherent_cxr.images.decode import UnreadableImageError
        from coherent_cxr.serving.generator import NOTICE

        try:
            report = self.writer.write(base64.b64decode(row.image, validate=True))
        except binascii.Error as error:
            raise ValueError(f"The image at position {position} is not valid base64: {error}.") from error
        except UnreadableImageError as error:
            raise ValueError(f"The image at position {position}: {error}") from error
        return WrittenReport(
            report=report.text, labels=report.labels, label_rules=report.label_rules, notice=NOTICE
        )


mlflow.models.set_model(ReportModel())
