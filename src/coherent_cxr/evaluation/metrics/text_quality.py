"""Faults that a reader sees in a report without its image, and whether it names the right side."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from coherent_cxr.chexpert import POSITIVE, CheXpertLabeler, Mention
from coherent_cxr.chexpert.contradictions import contradictions_between, sentence_spans, sides
from coherent_cxr.chexpert.engine.language import Language
from coherent_cxr.evaluation.metrics.measures import Array, Metric, SumMeasure, ratio

CONTRADICTIONS: Final = "contradictions per report"
MARKED: Final = "reports with XXXX"
HANGING: Final = "reports with a hanging sentence"
LATERALITY: Final = "laterality agreement"
FAULTS: Final = (CONTRADICTIONS, MARKED, HANGING)
"""Fewer are better, and the references have a rate of their own."""
FEWEST_COMPARED: Final = 5
"""Fewest findings with a side in both report and reference for which an agreement is computed."""

_MARK = re.compile(r"x{3,}|_{2,}", re.IGNORECASE)


def is_hanging(sentence: str, language: Language) -> bool:
    """Whether a sentence breaks off ("distal tip at the.") or measures nothing ("measuring pneumothorax")."""
    words = language.folded(sentence.strip())
    return bool(language.open_end.search(words) or language.no_measure.search(words))


def hanging_sentences(text: str, language: Language) -> list[tuple[int, int]]:
    """Return where the hanging sentences of a report stand: start, end."""
    return [span for span in sentence_spans(text) if is_hanging(text[slice(*span)], language)]


def has_mark(text: str) -> bool:
    """Whether a report holds a de-identification mark (``XXXX``, ``___``)."""
    return bool(_MARK.search(text))


def affirmed_sides(explained: Sequence[Mention], text: str, language: Language) -> dict[str, frozenset[str]]:
    """Return the sides on which a report affirms each observation; observations without a side are absent.

    Args:
        explained: The report's mentions, as ``labeler.explain(text)`` returns them.
        text: The report.
        language: Its language.
    """
    spans = sentence_spans(text)
    found: dict[str, frozenset[str]] = {}
    for mention in explained:
        if mention.status == POSITIVE and mention.observation != "No Finding":
            sentence = next((text[a:b] for a, b in spans if a <= mention.start < b), "")
            if named := sides(sentence, language):
                found[mention.observation] = found.get(mention.observation, frozenset()) | named
    return found


class Reading(NamedTuple):
    """What is seen in one report: its faults, in the order of :data:`FAULTS`, and the sides of findings."""

    faults: tuple[float, float, float]
    sides: Mapping[str, frozenset[str]]


class TextQuality:
    """Measures reports; each different text is read once."""

    def __init__(self, labeler: CheXpertLabeler) -> None:
        language = labeler.language

        def read(text: str) -> Reading:
            explained = labeler.explain(text)
            contradicted = len(contradictions_between(explained, text, language))
            hanging = bool(hanging_sentences(text, language))
            faults = float(contradicted), float(has_mark(text)), float(hanging)
            return Reading(faults, affirmed_sides(explained, text, language))

        self.read: Callable[[str], Reading] = cache(read)

    def measure(self, reports: Sequence[str], references: Sequence[str]) -> SumMeasure:
        """Return faults per report, and the share of findings on the reference's side.

        Args:
            reports: Readable reports.
            references: Their references, readable.

        Returns:
            Laterality agreement is over the findings that report and reference both affirm with a side: the
            share where the sides are the same. It is left out below :data:`FEWEST_COMPARED` findings.
        """
        rows = np.array(
            [
                (*self.read(r).faults, 1.0, *self._laterality(r, t))
                for r, t in zip(reports, references, strict=True)
            ]
        ).reshape(-1, len(FAULTS) + 3)
        names = [*FAULTS, LATERALITY] if rows[:, -1].sum() >= FEWEST_COMPARED else FAULTS
        return SumMeasure(
            [Metric(name) for name in names], rows, lambda sums: _of_sums(sums)[:, : len(names)]
        )

    def rates(self, texts: Sequence[str]) -> dict[str, float]:
        """Return the faults per report of some texts, by name: the references' own rate."""
        means = np.mean([self.read(text).faults for text in texts], axis=0)
        return dict(zip(FAULTS, means.tolist(), strict=True))

    def _laterality(self, report: str, reference: str) -> tuple[float, float]:
        ours, theirs = self.read(report).sides, self.read(reference).sides
        shared = ours.keys() & theirs.keys()
        return float(sum(ours[name] == theirs[name] for name in shared)), float(len(shared))


@cache
def text_quality(labeler: CheXpertLabeler) -> TextQuality:
    """Return the measure that this process shares: metrics and page ask about the same texts."""
    return TextQuality(labeler)


def _of_sums(sums: Array) -> Array:
    faults, reports, agreeing, compared = sums[:, :3], sums[:, 3:4], sums[:, 4:5], sums[:, 5:6]
    return np.column_stack([ratio(faults, reports), ratio(agreeing, compared)])
