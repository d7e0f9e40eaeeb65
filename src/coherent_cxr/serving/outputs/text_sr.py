"""DICOM Basic Text SR (TID 2000): the report as an archive shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.outputs.identification import Identification
from coherent_cxr.serving.outputs.readable import checks, origin
from coherent_cxr.serving.outputs.structured_report import (
    as_bytes,
    document,
    observer,
    references,
    require_serve,
)
from coherent_cxr.serving.report import NOTICE

if TYPE_CHECKING:
    from highdicom.sr import ContainerContentItem, TextContentItem
    from pydicom.dataset import Dataset
    from pydicom.sr.coding import Code

    from coherent_cxr.serving.study_report import StudyReport


def text_sr(report: StudyReport, identification: Identification | None = None) -> bytes:
    """Return a Basic Text SR: a section Findings with the text, a section Summary with all that checks it.

    The text is said to be inferred from the images that it rests on; all DICOM images of the study are
    evidence. A study without DICOM images gets a new Study Instance UID, and the document no evidence.

    Args:
        report: Of the study.
        identification: Patient and study to file it under; by default none, and nothing is copied.

    Returns:
        The bytes of a DICOM file.

    Raises:
        MissingExtraError: If highdicom is not installed.
    """
    require_serve("highdicom", "A DICOM structured report")
    from highdicom.sr import (
        CodedConcept,
        ContainerContentItem,
        ContentSequence,
        LanguageOfContentItemAndDescendants,
    )
    from pydicom.sr.codedict import codes
    from pydicom.uid import BasicTextSRStorage

    root = ContainerContentItem(codes.LN.RadiologyReport, template_id="2000")
    root.ContentSequence = ContentSequence()
    language = LanguageOfContentItemAndDescendants(
        CodedConcept("en-US", "RFC5646", "English (United States)")
    )
    root.ContentSequence.extend(language)
    root.ContentSequence.extend(observer(report))
    if report.report.text:  # DICOM has no empty text, and no empty section
        findings = _section(codes.DCM.Findings)
        findings.ContentSequence.append(_finding(report))
        root.ContentSequence.append(findings)
    summary = _section(codes.DCM.Summary)
    for line in [NOTICE, *checks(report, names=False), origin(report)]:
        summary.ContentSequence.append(_text(codes.DCM.Comment, line))
    root.ContentSequence.append(summary)
    return as_bytes(document(report, BasicTextSRStorage, root, "text", identification))


def text_of(dataset: Dataset) -> str:
    """Return the report's text from such a document, as it was before.

    Args:
        dataset: A document written by :func:`text_sr`, opened with pydicom.
    """
    for section in dataset.ContentSequence:
        if section.ValueType == "CONTAINER" and section.ConceptNameCodeSequence[0].CodeValue == "121070":
            items = section.get("ContentSequence", [])
            return "\n".join(str(item.TextValue) for item in items if item.ValueType == "TEXT")
    return ""


def _section(name: Code) -> ContainerContentItem:
    from highdicom.sr import ContainerContentItem, ContentSequence, RelationshipTypeValues

    section = ContainerContentItem(name, relationship_type=RelationshipTypeValues.CONTAINS)
    section.ContentSequence = ContentSequence()
    return section


def _text(name: Code, text: str) -> TextContentItem:
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return TextContentItem(name, storable(text), RelationshipTypeValues.CONTAINS)


def _finding(report: StudyReport) -> TextContentItem:
    from highdicom.sr import ContentSequence, ImageContentItem, RelationshipTypeValues
    from pydicom.sr.codedict import codes

    item = _text(codes.DCM.Finding, report.report.text)
    sources = references(report, used_only=True)
    if sources:
        item.ContentSequence = ContentSequence(
            [
                ImageContentItem(
                    codes.DCM.SourceImage,
                    source.class_uid,
                    source.instance_uid,
                    relationship_type=RelationshipTypeValues.INFERRED_FROM,
                )
                for source in sources
            ]
        )
    return item
