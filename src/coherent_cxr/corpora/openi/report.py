"""One XML report of Open-I."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from coherent_cxr.corpora.sections.lines import tidy_lines
from coherent_cxr.inputs.names import printable
from coherent_cxr.inputs.tables.null_words import is_null

SECTIONS = ("comparison", "indication", "findings", "impression")
LEARNT = {"findings", "impression"}
"""Sections in which "None." or "N/A" is no text."""
MAX_REPORT_BYTES = 5_000_000
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class UnusableReportError(ValueError):
    """A report that cannot become a row.

    Attributes:
        reason: Short code for an exclusions table.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class OpeniReport(NamedTuple):
    """What a report says.

    Attributes:
        study_id: For example "CXR1".
        sections: Text of each of :data:`SECTIONS`, None if it has none; lines are kept.
        image_ids: Its images in their order.
        mesh_terms: What people coded it with, for example "Cardiomegaly/mild".
    """

    study_id: str
    sections: dict[str, str | None]
    image_ids: list[str]
    mesh_terms: list[str]


def read_report(data: bytes) -> OpeniReport:
    """Read one XML report.

    Args:
        data: The file.

    Raises:
        UnusableReportError: If the file is empty, broken, hostile, or names no study.
    """
    if not data.strip():
        raise UnusableReportError("empty_file", "The file is empty.")
    if len(data) > MAX_REPORT_BYTES:
        raise UnusableReportError("file_too_large", f"The file has {len(data):,} bytes; no report has.")
    root = _parse(data)
    identifier = root.find("uId")
    study_id = "" if identifier is None else identifier.get("id", "").strip()
    if not study_id:
        raise UnusableReportError("no_study_id", "The report has no <uId id=...>.")
    if not study_id.isprintable() or len(study_id) > 100:
        raise UnusableReportError("no_study_id", f"'{printable(study_id, 60)}' cannot be the id of a study.")
    terms = ("".join(term.itertext()) for mesh in root.iter("MeSH") for term in mesh.iter("major"))
    return OpeniReport(study_id, _sections(root), _image_ids(root), [term for term in terms if term.strip()])


def section_text(name: str, text: str) -> str | None:
    """Return the text of a section as it is kept, or None if there is nothing in it."""
    tidy = tidy_lines(text)
    return None if not tidy or (name in LEARNT and is_null(tidy)) else tidy


def _parse(data: bytes) -> Element:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if not data.startswith(_UTF16) and b"encoding" not in data[:200]:  # written by an old Windows program
            text = data.decode("cp1252", errors="replace")
            data = _DECLARATION.sub("", text, count=1).encode()
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        kind = type(error).__name__
        raise UnusableReportError(
            "forbidden_xml", f"The file declares entities or a DTD ({kind})."
        ) from error
    except Exception as error:  # foreign bytes: parsers and codecs raise whatever they like
        cause = printable(str(error) or type(error).__name__)
        raise UnusableReportError("broken_xml", f"The file is not well-formed XML ({cause}).") from error
    return root


def _sections(root: Element) -> dict[str, str | None]:
    texts: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for element in root.iter("AbstractText"):
        name = element.get("Label", "").strip().lower()
        if name in texts and (text := section_text(name, "".join(element.itertext()))):
            texts[name].append(text)
    return {name: "\n\n".join(parts) or None for name, parts in texts.items()}


def _image_ids(root: Element) -> list[str]:
    ids = (image.get("id", "").strip() for image in root.iter("parentImage"))
    return list(dict.fromkeys(image_id for image_id in ids if image_id))
