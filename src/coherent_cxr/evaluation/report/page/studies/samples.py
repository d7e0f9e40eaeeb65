"""Study cards: image, reference, the champion's report, those of the others, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.contradictions import contradictions
from coherent_cxr.evaluation.metrics.text_quality import hanging_sentences
from coherent_cxr.evaluation.report.page.studies.highlights import Stretch, highlight

NO_FINDING: Final = "No Finding"
"""A label without mentions of its own: mentions of this name are of other findings."""


class GeneratedText(NamedTuple):
    """One report beside the reference.

    Attributes:
        systems: The systems that generated it.
        text: The report, its mentions marked.
        found: Positive observations of the reference that the report has too.
        missed: Positive observations of the reference that the report lacks.
        invented: Positive observations of the report that the reference lacks.
        doubts: What cannot be right whatever the image shows, in words.
    """

    systems: list[str]
    text: list[Stretch]
    found: list[str]
    missed: list[str]
    invented: list[str]
    doubts: list[str]

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """Observations with their outcome."""
        kinds = ("found", self.found), ("missed", self.missed), ("invented", self.invented)
        return [(kind, name) for kind, names in kinds for name in names]


class Sample(NamedTuple):
    """A study.

    Attributes:
        study_id: The study.
        image: Its image as a data address; "" for none.
        view: View of the image; "" if unknown.
        reference: The reference; affirmed findings are marked as found or missed by the first report.
        positives: Positive observations of the reference.
        generated: The reports, that of the shown system first.
        why: Why it is shown: "best case", "worst case" or "".
    """

    study_id: str
    image: str
    view: str
    reference: list[Stretch]
    positives: list[str]
    generated: list[GeneratedText]
    why: str

    @property
    def filters(self) -> list[str]:
        """Style classes by which the page filters: by finding, by outcome, and by both."""
        first = self.generated[0]
        classes = [f"o{OBSERVATIONS.index(name)}-{kind}" for kind, name in first.outcomes]
        classes += [kind for kind in ("missed", "invented") if getattr(first, kind)]
        return classes if first.missed or first.invented else [*classes, "right"]


def sample(
    labeler: CheXpertLabeler,
    study_id: str,
    image: str,
    reference: str,
    reports: Mapping[str, str],
    shown: str = "",
    view: str = "",
    why: str = "",
) -> Sample:
    """Bring one study into the form of the page.

    Args:
        labeler: Finds labels and mentions.
        study_id: The study.
        image: Its image as a data address.
        reference: Reference findings.
        reports: Report by system.
        shown: System whose report comes first; "" keeps the order.
        view: View of the image.
        why: Why the study is shown.
    """
    expected = _positives(labeler, reference)
    texts = dict.fromkeys([reports[shown]] if shown in reports else [], None) | dict.fromkeys(
        reports.values()
    )
    generated = [
        _compared(labeler, [s for s, own in reports.items() if own == text], text, expected) for text in texts
    ]
    first = generated[0].outcomes if generated else []
    outcomes = {name: kind for kind, name in first if kind != "invented" and name != NO_FINDING}
    marked = highlight(labeler, reference, outcomes)
    return Sample(study_id, image, view, marked, _sorted(expected), generated, why)


def _compared(labeler: CheXpertLabeler, systems: list[str], text: str, expected: set[str]) -> GeneratedText:
    affirmed = _positives(labeler, text)
    found, missed, invented = (
        _sorted(names) for names in (expected & affirmed, expected - affirmed, affirmed - expected)
    )
    outcomes = dict.fromkeys(found, "found") | dict.fromkeys(invented, "invented")
    outcomes.pop(NO_FINDING, None)
    marked = highlight(labeler, text, outcomes)
    return GeneratedText(systems, marked, found, missed, invented, _doubts(labeler, text))


def _doubts(labeler: CheXpertLabeler, text: str) -> list[str]:
    opposed = [
        f"{c.what}: “{text[slice(*c.affirmed)]}” and “{text[slice(*c.denied)]}” contradict each other."
        for c in contradictions(labeler, text)
    ]
    hanging = hanging_sentences(text, labeler.language)
    return opposed + [f"“{text[slice(*span)]}” is no whole sentence." for span in hanging]


def _positives(labeler: CheXpertLabeler, text: str) -> set[str]:
    return {name for name, label in labeler.label(text).items() if label == 1}


def _sorted(names: set[str]) -> list[str]:
    return [name for name in OBSERVATIONS if name in names]
