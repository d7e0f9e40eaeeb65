"""DICOM measurement report (TID 1500): probability and decision of every finding, for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coherent_cxr.serving.outputs.findings import Finding, findings_of
from coherent_cxr.serving.outputs.identification import Identification
from coherent_cxr.serving.outputs.structured_report import (
    MAKER,
    PRODUCT,
    as_bytes,
    coded,
    document,
    new_uid,
    observer,
    references,
    require_serve,
)

if TYPE_CHECKING:
    from highdicom.sr import MeasurementsAndQualitativeEvaluations

    from coherent_cxr.serving.study_report import DicomReference, StudyReport


class NoFindingsError(ValueError):
    """A report of which nothing is known that a measurement report could hold."""


def measurements_sr(report: StudyReport, identification: Identification | None = None) -> bytes:
    """Return an Enhanced SR by TID 1500, with a group for every finding that the report knows.

    Each holds the certainty in per cent, where the model has a label classifier, and whether the finding is
    present, absent or undetermined. The text is not in it; see
    :func:`coherent_cxr.serving.outputs.text_sr.text_sr`.

    Args:
        report: Of the study.
        identification: Patient and study to file it under; by default none, and nothing is copied.

    Returns:
        The bytes of a DICOM file.

    Raises:
        MissingExtraError: If highdicom is not installed.
        NoFindingsError: If the report neither mentions a finding nor has probabilities.
    """
    require_serve("highdicom", "A DICOM structured report")
    from highdicom.sr import CodedConcept, MeasurementReport
    from pydicom.uid import EnhancedSRStorage

    sources = references(report, used_only=True)
    groups = [_group(report, finding, sources) for finding in findings_of(report)]
    if not groups:
        raise NoFindingsError(
            "The report mentions no finding and the model has no label classifier, so there is nothing to "
            "put into a measurement report. Use the format dicom-sr."
        )
    content = MeasurementReport(
        observer(report), CodedConcept("399208008", "SCT", "Plain chest X-ray"), imaging_measurements=groups
    )
    return as_bytes(document(report, EnhancedSRStorage, content[0], "measurements", identification))


def _group(
    report: StudyReport, finding: Finding, sources: list[DicomReference]
) -> MeasurementsAndQualitativeEvaluations:
    from highdicom.sr import (
        AlgorithmIdentification,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )
    from pydicom.sr.codedict import codes

    decisions = {
        "present": codes.DCM.Present,
        "absent": codes.DCM.Absent,
        "undetermined": codes.DCM.PresenceUndetermined,
    }
    measured = [] if finding.probability is None else [round(100 * finding.probability, 2)]
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=new_uid(), identifier=finding.name),
        finding_type=coded(finding),
        algorithm_id=AlgorithmIdentification(
            name=PRODUCT,
            version=report.model.version or report.model.digest[:16] or "not recorded",
            parameters=[f"operating point {report.report.operating_point or 'none'}"],
            manufacturer=MAKER,
        ),
        measurements=[
            Measurement(codes.DCM.CertaintyOfFinding, value, codes.UCUM.Percent) for value in measured
        ],
        qualitative_evaluations=[
            QualitativeEvaluation(codes.DCM.PresenceOfProperty, decisions[decision])
            for decision in (finding.decision,)
            if decision is not None
        ],
        source_images=[
            SourceImageForMeasurementGroup(source.class_uid, source.instance_uid) for source in sources
        ],
    )
