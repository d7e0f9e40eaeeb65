"""Attention drawn over the radiograph, one panel per chosen word (Liu et al. 2019, Figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.evaluation.report.figures.overlay import overlay, scale_bar, top_of_scale
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.word_attention import WordAttention, words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_FUNCTION_WORDS = """
    a an and are as at be by for from has have in is it no not of on or seen than that the there these this to
    was were which with within without
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that name nothing in an image."""


def most_visual_words(sentences: Sequence[Sequence[WordAttention]], count: int) -> list[WordAttention]:
    """Return the words and finding tokens with the smallest sentinel share, each once, in their order.

    Words that name nothing in an image (:data:`FUNCTION_WORDS`) are not chosen.
    """
    first: dict[tuple[str, bool], WordAttention] = {}
    for sentence in sentences:
        for word in sentence:
            if word.is_finding_token or (word.word.isalpha() and word.word not in FUNCTION_WORDS):
                first.setdefault((word.word, word.is_finding_token), word)
    chosen = {id(word) for word in sorted(first.values(), key=lambda word: word.sentinel)[:count]}
    return [word for word in first.values() if id(word) in chosen]


def attention_figure(
    image: NDArray[np.uint8],
    sentences: Sequence[Sequence[WordAttention]],
    notice: str,
    words: int = 5,
) -> Figure:
    """Draw a radiograph and, beside it, the attention at its most visual words and finding tokens.

    All maps have one scale, whose end is the largest share on one cell.

    Args:
        image: Prepared grey image ``(size, size)``.
        sentences: The generated report with its attention.
        notice: Notice to show under every report (research use, synthetic images).
        words: Number of word panels.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.figure import Figure

    chosen = most_visual_words(sentences, words)
    figure = Figure(figsize=(2.4 * (len(chosen) + 1), 3.6), layout="constrained")
    panels = figure.subplots(1, len(chosen) + 1, squeeze=False)[0]
    panels[0].imshow(image, cmap="gray")
    panels[0].set_title("image", fontsize=10)
    top = top_of_scale([word.regions for word in chosen])
    for panel, word in zip(panels[1:], chosen, strict=True):
        panel.imshow(image, cmap="gray")
        panel.imshow(overlay(word.regions, image.shape, top))
        name = f"[{word.word}]" if word.is_finding_token else word.word
        panel.set_title(f"{name}\nsentinel {word.sentinel:.0%}", fontsize=10)
    scale_bar(figure, panels.tolist(), top)
    for panel in panels:
        panel.axis("off")
    report = detokenize(words_of(sentences))
    figure.suptitle(report, fontsize=9, wrap=True)
    figure.supxlabel(notice, fontsize=7)
    return figure
