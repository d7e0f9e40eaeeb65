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

SECTIONS = ("121070", "121072")
"""Codes (DCM) of the containers Findings and Impressions."""


def text_sr(report: StudyReport, identification: Identification | None = None) -> bytes:
    """Return a Basic Text SR: the text in sections Findings and Impressions, in Summary all that checks it.

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
    headings = {
        "findings": (codes.DCM.Findings, codes.DCM.Finding),
        "impression": (codes.DCM.Impressions, codes.DCM.Impression),
    }
    for name, text in report.report.sections.items():  # DICOM has no empty text, and no empty section
        heading, concept = headings[name]
        section = _section(heading)
        section.ContentSequence.append(_inferred(report, concept, text))
        root.ContentSequence.append(section)
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
    texts = [
        str(item.TextValue)
        for section in dataset.ContentSequence
        if section.ValueType == "CONTAINER" and section.ConceptNameCodeSequence[0].CodeValue in SECTIONS
        for item in section.get("ContentSequence", [])
        if item.ValueType == "TEXT"
    ]
    return " ".join(texts)


def _section(name: Code) -> ContainerContentItem:
    from highdicom.sr import ContainerContentItem, ContentSequence, RelationshipTypeValues

    section = ContainerContentItem(name, relationship_type=RelationshipTypeValues.CONTAINS)
    section.ContentSequence = ContentSequence()
    return section


def _text(name: Code, text: str) -> TextContentItem:
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return TextContentItem(name, storable(text), RelationshipTypeValues.CONTAINS)


def _inferred(report: StudyReport, concept: Code, text: str) -> TextContentItem:
    from highdicom.sr import ContentSequence, ImageContentItem, RelationshipTypeValues
    from pydicom.sr.codedict import codes

    item = _text(concept, text)
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
