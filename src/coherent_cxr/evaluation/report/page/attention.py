"""Attention of a few studies: underlined words, and the map of each in the colour of its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.evaluation.attention.maps import Report
from coherent_cxr.evaluation.attention.mentions import most_visual_words
from coherent_cxr.evaluation.report.figures.negation import enlarged
from coherent_cxr.evaluation.report.page.rendering import data_uri

COLOURS = ((214, 69, 65), (31, 119, 180), (44, 150, 80), (204, 121, 10), (140, 86, 180))
SHOWN_SIZE = 256


class ShownWord(NamedTuple):
    """A word of the report, or the finding token in front of a sentence.

    Attributes:
        text: The word.
        colour: Number of its colour; None for a word or finding token without a map on the page.
        away: Share on the sentinel, in percent.
        is_finding_token: Whether it is a finding token.
    """

    text: str
    colour: int | None
    away: int
    is_finding_token: bool


class ShownMap(NamedTuple):
    """A map over the radiograph: word or finding token, number of its colour, picture, sentinel share."""

    word: str
    colour: int
    image: str
    away: int


class AttendedStudy(NamedTuple):
    """A study: its image, the report word by word, and the maps of the chosen words."""

    study_id: str
    image: str
    sentences: list[list[ShownWord]]
    maps: list[ShownMap]


def attended_study(study_id: str, image: NDArray[np.uint8], report: Report) -> AttendedStudy:
    """Bring one study into the form of the page."""
    chosen = most_visual_words(report, len(COLOURS))
    number = {id(word): place for place, word in enumerate(chosen)}
    sentences = [
        [
            ShownWord(word.word, number.get(id(word)), round(100 * word.sentinel), word.is_finding_token)
            for word in sentence
        ]
        for sentence in report
    ]
    maps = [
        ShownMap(
            word.word,
            place,
            data_uri(tinted(image, word.regions, COLOURS[place])),
            round(100 * word.sentinel),
        )
        for place, word in enumerate(chosen)
    ]
    return AttendedStudy(study_id, data_uri(image, SHOWN_SIZE), sentences, maps)


def tinted(
    image: NDArray[np.uint8], regions: NDArray[np.float32], colour: Sequence[int]
) -> NDArray[np.uint8]:
    """Lay a map of one colour over a grey image.

    Args:
        image: ``(size, size)``.
        regions: Share of each region ``(rows, columns)``; of several views the first is shown.
        colour: Red, green, blue, 0 to 255.

    Returns:
        ``(size, size, 3)``.
    """
    first_view = regions[: regions.shape[1]].astype(np.float64)
    weight = (0.75 * enlarged(first_view, image.shape))[..., None]
    mixed = image[..., None] * (1 - weight) + np.asarray(colour) * weight
    return np.asarray(mixed.clip(0, 255), dtype=np.uint8)
