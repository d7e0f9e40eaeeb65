"""Attention of the word decoder while it generates: the maps behind Figure 3 of Liu et al. 2019."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.finite import require_finite
from coherent_cxr.inference.decisions import DecidedFindings
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.vocabulary import Vocabulary


class WordAttention(NamedTuple):
    """One generated word, or the finding token in front of a sentence.

    Attributes:
        word: The word; of a finding token, the observation.
        regions: Share of attention on each region ``(rows, columns)``, 0 to 1.
        sentinel: Share on the visual sentinel: 0 to 1, 1 ignores the image; all shares sum to one.
        is_finding_token: Whether it is a finding token, which is no part of the report.
    """

    word: str
    regions: NDArray[np.float32]
    sentinel: float
    is_finding_token: bool = False


def attended_words(
    vocabulary: Vocabulary, ids: Sequence[int], regions: NDArray[np.float32], sentinels: NDArray[np.float32]
) -> list[WordAttention]:
    """Put the words of a sentence and their maps together.

    Args:
        vocabulary: Its words.
        ids: Word ids, perhaps a finding token first.
        regions: Share of each region ``(words, rows, columns)``, padded.
        sentinels: Share on the sentinel ``(words,)``, padded.
    """
    return [
        WordAttention(
            vocabulary.tokens[i].strip("<>") if i in vocabulary.finding_token_ids else vocabulary.tokens[i],
            regions[place],
            float(sentinels[place]),
            i in vocabulary.finding_token_ids,
        )
        for place, i in enumerate(ids)
    ]


def words_of(sentences: Sequence[Sequence[WordAttention]]) -> list[list[str]]:
    """Return the words of each sentence, without finding tokens."""
    return [[word.word for word in sentence if not word.is_finding_token] for sentence in sentences]


@torch.no_grad()
def image_features(model: ReportGenerator, image: NDArray[np.uint8]) -> Tensor:
    """Return the encoder's features of one image, before their projection to the generator's width.

    Args:
        model: The generator in evaluation mode.
        image: Prepared grey image ``(size, size)``.

    Returns:
        ``(1, K, channels)`` on the model's device, as float32.
    """
    device = next(model.parameters()).device
    pixels = torch.from_numpy(np.array(image)).unsqueeze(0).to(device)
    features: Tensor = model.encoder.backbone(pixels).float()
    require_finite(features, "The features of the image")
    return features


def generate_with_attention(
    model: ReportGenerator, vocabulary: Vocabulary, image: NDArray[np.uint8]
) -> list[list[WordAttention]]:
    """Generate one report greedily and keep the attention of every word.

    Args:
        model: The generator in evaluation mode.
        vocabulary: Its words.
        image: Prepared grey image ``(size, size)``.

    Returns:
        Words of each sentence, finding tokens included, with their maps.
    """
    return attended_report(model, vocabulary, image_features(model, image), image.shape[0])


@torch.no_grad()
def attended_report(
    model: ReportGenerator,
    vocabulary: Vocabulary,
    features: Tensor,
    size: int,
    called: Mapping[str, bool] | None = None,
    check: SentenceCheck | None = None,
) -> list[list[WordAttention]]:
    """Do the same from features that are known already.

    Args:
        model: The generator in evaluation mode.
        vocabulary: Its words.
        features: From :func:`image_features` ``(1, K, channels)``.
        size: Side of the image in pixels.
        called: Observations that the report has to affirm (true) or leave out; None lets the generator
            decide.
        check: Replaces sentences that disagree with their finding token; None keeps them.
    """
    decided = None
    if called is not None:
        flags = {name: torch.tensor([flag], device=features.device) for name, flag in called.items()}
        decided = DecidedFindings.of_labels(vocabulary, flags)
    decoded = decode(model, model.encoder(features), keep_attention=True, guidance=decided, check=check)
    assert decoded.attention is not None
    side = size // model.encoder.backbone.stride
    maps = decoded.attention[0].cpu().numpy()
    # A generator of whole studies has the image in both views' places: its shares there add up.
    regions = maps[..., :-1].reshape(*maps.shape[:-1], -1, side, side).sum(axis=-3)
    return [
        attended_words(vocabulary, sentence, regions[s], maps[s, :, -1])
        for s, sentence in enumerate(word_ids(decoded.reports)[0])
    ]
