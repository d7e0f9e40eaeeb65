"""Where the word decoder looked while it wrote: the maps behind Figure 3 of Liu et al. 2019."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from coherent_cxr.models.decoding import decode, word_ids
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.vocabulary import Vocabulary


class WordAttention(NamedTuple):
    """One written word.

    Attributes:
        word: The word.
        regions: Share of attention on each region ``(rows, columns)``, 0 to 1.
        sentinel: Share on the visual sentinel: how far the model looked away, 0 to 1; all shares sum to one.
    """

    word: str
    regions: NDArray[np.float32]
    sentinel: float


@torch.no_grad()
def write_with_attention(
    model: ReportGenerator, vocabulary: Vocabulary, image: NDArray[np.uint8]
) -> list[list[WordAttention]]:
    """Write one report greedily and keep the attention of every word.

    Args:
        model: The generator in evaluation mode.
        vocabulary: Its words.
        image: Prepared grey image ``(size, size)``.

    Returns:
        Words of each sentence with their maps.
    """
    device = next(model.parameters()).device
    pixels = torch.from_numpy(np.array(image)).unsqueeze(0).to(device)
    written = decode(model, model.encoder(model.encoder.backbone(pixels)), keep_attention=True)
    assert written.attention is not None
    side = image.shape[0] // 32
    maps = written.attention[0].cpu().numpy()
    # A generator of whole studies has the image in both views' places: its shares there add up.
    regions = maps[..., :-1].reshape(*maps.shape[:-1], -1, side, side).sum(axis=-3)
    return [
        [
            WordAttention(word, regions[s, w], float(maps[s, w, -1]))
            for w, word in vocabulary.words_at(sentence)
        ]
        for s, sentence in enumerate(word_ids(written.reports)[0])
    ]
