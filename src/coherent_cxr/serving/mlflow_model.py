"""The generator as an MLflow model, logged from this file's code: nothing of ours is pickled.

MLflow runs this file when the model is logged and again when it is loaded; the bundle comes with it as the
artifact ``bundle``.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pydantic
from mlflow.pyfunc.model import PythonModel

logger = logging.getLogger(__name__)


class Radiograph(pydantic.BaseModel):
    """One row of a request: an image, or the columns that clients of CXRReportGen send.

    Attributes:
        image: A PNG, JPEG or DICOM file, base64-encoded.
        frontal_image: The same of a study's frontal view.
        lateral_image: The same of its lateral view.
        indication: Not read, with a note: the model reads images alone.
        technique: Likewise.
        comparison: Likewise.
    """

    image: str | None = None
    frontal_image: str | None = None
    lateral_image: str | None = None
    indication: str | None = None
    technique: str | None = None
    comparison: str | None = None


class GeneratedReport(pydantic.BaseModel):
    """One row of an answer: a report, or an error.

    Attributes:
        report: Readable findings.
        sentences: The same, sentence by sentence.
        sentence_findings: Of each sentence the finding that it was generated for, and its probability.
        labels: CheXpert labels: 1 positive, 0 negative, -1 uncertain, null absent.
        label_rules: Rule set of these labels.
        taught_by_rules: Rule set of the labels that the model was trained with.
        notes: What is odd about the image: code, level (warning or information) and detail of each.
        system: Name of the training that made the model.
        operating_point: Whose thresholds decided what the report affirms; null if the words did.
        findings: Of each observation whether it was called by these thresholds; null likewise.
        probabilities: Of each observation, calibrated on the validation split.
        error: Why there is no report, in a sentence.
        reason: The same as a short code.
        notice: What the report must not be used for.
    """

    report: str | None = None
    sentences: list[str] | None = None
    sentence_findings: list[dict[str, str | float | None]] | None = None
    labels: dict[str, int | None] | None = None
    label_rules: str | None = None
    taught_by_rules: str | None = None
    notes: list[dict[str, str]] | None = None
    system: str | None = None
    operating_point: str | None = None
    findings: dict[str, bool] | None = None
    probabilities: dict[str, float] | None = None
    error: str | None = None
    reason: str | None = None
    notice: str


class _Predictions:
    """``predict``, outside of the MLflow class, whose wrapper repeats a request that it refuses."""

    writer: Any

    def predict(
        self, model_input: list[Radiograph], params: dict[str, Any] | None = None
    ) -> list[GeneratedReport]:
        """Write reports.

        Args:
            model_input: Radiographs.
            params: Not used.

        Returns:
            A report or an error for each, in the same order.

        Raises:
            RefusedRequestError: If the request is no list of images, or its only image has no report.
        """
        from coherent_cxr.serving.mlflow_requests import RefusedRequestError
        from coherent_cxr.serving.requests import RequestError, rows_of

        try:
            rows = rows_of(model_input)
        except RequestError as error:
            raise RefusedRequestError(str(error)) from None
        answers = [self._write(position, row) for position, row in enumerate(rows)]
        if len(answers) == 1 and answers[0].error is not None:
            raise RefusedRequestError(answers[0].error, ours=answers[0].reason == "failed")
        return answers

    def _write(self, position: int, row: Any) -> GeneratedReport:
        from coherent_cxr.serving.report import NOTICE
        from coherent_cxr.serving.requests import RequestError, study_of, texts_ignored
        from coherent_cxr.serving.study.study import RefusedStudyError

        name = f"The image at position {position}"
        try:
            study = study_of(row, name)
            report = self.writer.write(study).report
            notes = (*report.notes, *texts_ignored(row))
            return GeneratedReport(**replace(report, notes=notes).as_dict())
        except (RequestError, RefusedStudyError) as error:
            message, reason = str(error), error.reason
        except Exception:  # one row never fails the others
            logger.exception("The image at position %d failed.", position)
            message, reason = "", "failed"
        if reason == "failed":
            message = f"{name} has no report: the model failed. The server's log says more."
        return GeneratedReport(error=message, reason=reason, notice=NOTICE)


class ReportModel(_Predictions, PythonModel):  # type: ignore[misc]  # MLflow takes a predict without context
    """Writes one report per radiograph."""

    def load_context(self, context: Any) -> None:
        """Open the bundle that was logged with the model.

        Raises:
            BundleError: If it is not the one that was logged, or cannot be used.
        """
        from coherent_cxr.models.bundle import ModelBundle
        from coherent_cxr.models.manifest import require_digest
        from coherent_cxr.serving.mlflow_requests import answer_in_sentences
        from coherent_cxr.serving.study.writer import StudyWriter
        from coherent_cxr.serving.study_report import ModelIdentity

        folder = Path(context.artifacts["bundle"])
        require_digest(folder, (context.model_config or {}).get("bundle_digest"))
        identity = ModelIdentity("MLflow", None, str((context.model_config or {}).get("bundle_digest")))
        self.writer = StudyWriter(ModelBundle.load(folder), identity)
        answer_in_sentences()


mlflow.models.set_model(ReportModel())
