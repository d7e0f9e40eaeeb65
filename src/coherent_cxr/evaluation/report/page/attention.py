"""Attention of a few studies: numbered words, and the map of each on one scale for the whole page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coherent_cxr.evaluation.attention.mentions import most_visual_words
from coherent_cxr.evaluation.report.figures.overlay import overlay, top_of_scale
from coherent_cxr.evaluation.report.page.rendering import data_uri

if TYPE_CHECKING:
    from coherent_cxr.evaluation.attention.maps import Report

MAPS = 5
"""Words of a report whose maps are shown."""
SHOWN_SIZE = 320


class ShownWord(NamedTuple):
    """A word of the report, or the finding token in front of a sentence.

    Attributes:
        text: The word.
        number: Number of its map; None for a word or finding token without a map on the page.
        away: Share on the sentinel, in percent.
        is_finding_token: Whether it is a finding token.
    """

    text: str
    number: int | None
    away: int
    is_finding_token: bool


class ShownMap(NamedTuple):
    """A map over the radiograph: word or finding token, its number, picture, sentinel share."""

    word: str
    number: int
    image: str
    away: int


class AttendedStudy(NamedTuple):
    """A study: its image, the report word by word, and the maps of the chosen words."""

    study_id: str
    image: str
    sentences: list[list[ShownWord]]
    maps: list[ShownMap]


def scale_of(reports: Mapping[int, Report]) -> float:
    """Return the share of the attention at the top of the scale of all maps that are shown."""
    return top_of_scale([w.regions for report in reports.values() for w in most_visual_words(report, MAPS)])


def attended_study(study_id: str, image: NDArray[np.uint8], report: Report, top: float) -> AttendedStudy:
    """Bring one study into the form of the page.

    Args:
        study_id: The study.
        image: Its prepared image ``(size, size)``.
        report: Its report with the maps.
        top: Share of the attention at the top of the scale.
    """
    chosen = most_visual_words(report, MAPS)
    number = {id(word): place for place, word in enumerate(chosen, 1)}
    sentences: list[list[ShownWord]] = [
        [
            ShownWord(word.word, number.get(id(word)), round(100 * word.sentinel), word.is_finding_token)
            for word in sentence
        ]
        for sentence in report
    ]
    maps = [
        ShownMap(
            word.word,
            number[id(word)],
            data_uri(tinted(image, word.regions, top)),
            round(100 * word.sentinel),
        )
        for word in chosen
    ]
    return AttendedStudy(study_id, data_uri(image, SHOWN_SIZE), sentences, maps)


def tinted(
    image: NDArray[np.uint8], regions: NDArray[np.float32], top: float, size: int = SHOWN_SIZE
) -> NDArray[np.uint8]:
    """Lay a map over a grey image.

    Args:
        image: ``(height, width)``.
        regions: Share of the attention on each region ``(rows, columns)``; of several views the first.
        top: Share at the top of the scale.
        size: Side of the picture.

    Returns:
        ``(size, size, 3)``.
    """
    large = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC), dtype=float)
    laid = overlay(regions, large.shape, top)
    cover = laid[..., 3:]
    mixed = large[..., None] * (1 - cover) + 255 * laid[..., :3] * cover
    return np.asarray(mixed.clip(0, 255).round(), dtype=np.uint8)
