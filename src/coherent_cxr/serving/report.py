"""A generated report, as every way of serving shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.reading.notes import Note
from coherent_cxr.reports.word_attention import WordAttention

NOTICE = "For research only, not for clinical use. A radiologist has not read this report."


class SentenceFinding(NamedTuple):
    """The finding a sentence was generated for.

    Attributes:
        finding: The finding whose token the generator put in front of the sentence; None for a sentence that
            affirms none, and of a model without finding tokens.
        probability: That the image shows it, by the label classifier; None without one.
    """

    finding: str | None
    probability: float | None


@dataclass(frozen=True)
class Report:
    """A generated report.

    Attributes:
        text: Readable findings.
        sentences: The same, sentence by sentence.
        labels: CheXpert labels of the text: 1 positive, 0 negative, -1 uncertain, None absent.
        label_rules: Rule set of these labels.
        taught_by_rules: Rule set of the labels that the model was trained with, or "not recorded".
        notes: What is odd about the image, and whether it is unlike those of the training.
        attention: Words of each sentence, finding tokens included, with the share of attention on each region
            of the image and on the visual sentinel.
        image: The prepared grey image ``(size, size)`` the model read, under the attention maps.
        system: Name of the training that made the model, for example ``full``.
        operating_point: Whose thresholds decided what the report affirms; None if the words did.
        findings: Of each observation whether it was called by these thresholds; None likewise.
        probabilities: Of each observation, 0 to 1, calibrated on the validation split; None for a model
            without label classifier.
        sentence_findings: Of each sentence the finding that it was generated for, and its probability.
        target: What the model learnt to write: ``findings``, ``impression`` or ``findings_and_impression``.
        impression_from: Place of the impression's first sentence where there are two sections, else None.
        distance: How far the features of its images lie from those of the training; 1 is as far as those of
            nearly all validation images. None if the model does not know its training images.
    """

    text: str
    sentences: list[str]
    labels: dict[str, int | None]
    label_rules: str
    taught_by_rules: str
    notes: tuple[Note, ...]
    attention: list[list[WordAttention]]
    image: NDArray[np.uint8]
    system: str
    operating_point: str | None = None
    findings: dict[str, bool] | None = None
    probabilities: dict[str, float] | None = None
    sentence_findings: tuple[SentenceFinding, ...] = ()
    distance: float | None = None
    target: str = "findings"
    impression_from: int | None = None

    @property
    def sections(self) -> dict[str, str]:
        """The text by section, ``findings`` before ``impression``; without those that say nothing."""
        if self.impression_from is None:
            only = {"impression" if self.target == "impression" else "findings": self.text}
            return only if self.text else {}
        parts = self.sentences[: self.impression_from], self.sentences[self.impression_from :]
        named = zip(("findings", "impression"), map(" ".join, parts), strict=True)
        return {name: text for name, text in named if text}

    def as_dict(self) -> dict[str, Any]:
        """Return what is shown of the report as plain JSON, the same by every way of serving."""
        sections = {} if self.target == "findings" else {"sections": self.sections}
        return {
            "report": self.text,
            **sections,
            "sentences": self.sentences,
            "sentence_findings": [behind._asdict() for behind in self.sentence_findings],
            "labels": self.labels,
            "label_rules": self.label_rules,
            "taught_by_rules": self.taught_by_rules,
            "notes": [note.as_dict() for note in self.notes],
            "system": self.system,
            "operating_point": self.operating_point,
            "findings": self.findings,
            "probabilities": self.probabilities,
            "notice": NOTICE,
        }
