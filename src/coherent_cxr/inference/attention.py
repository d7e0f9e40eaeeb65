"""Attention of the word decoder while it generates: the maps behind Figure 3 of Liu et al. 2019."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.finite import require_finite
from coherent_cxr.inference.decisions import DecidedFindings
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.prior import PriorInput
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.reports.word_attention import WordAttention


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
            vocabulary.tokens[i].strip("<>§") if i in vocabulary.silent_ids else vocabulary.tokens[i],
            regions[place],
            float(sentinels[place]),
            i in vocabulary.silent_ids,
        )
        for place, i in enumerate(ids)
    ]


@torch.no_grad()
def image_features(model: ReportGenerator, images: NDArray[np.uint8]) -> Tensor:
    """Return the encoder's features of images, before their projection to the generator's width.

    Args:
        model: The generator in evaluation mode.
        images: A prepared grey image ``(size, size)``, or several ``(images, size, size)``.

    Returns:
        ``(images, K, channels)`` on the model's device, as float32.
    """
    device = next(model.parameters()).device
    pixels = torch.from_numpy(np.array(images)).reshape(-1, *images.shape[-2:]).to(device)
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
    return attended_reports(model, vocabulary, image_features(model, image), image.shape[0])[0]


@torch.no_grad()
def attended_reports(
    model: ReportGenerator,
    vocabulary: Vocabulary,
    features: Tensor,
    size: int,
    views: Tensor | None = None,
    called: Sequence[Mapping[str, bool]] | None = None,
    check: SentenceCheck | None = None,
    prior: PriorInput | None = None,
) -> list[list[list[WordAttention]]]:
    """Do the same for several studies, from features that are known already.

    Args:
        model: The generator in evaluation mode.
        vocabulary: Its words.
        features: Of one image of each study, from :func:`image_features`, ``(studies, K, channels)``; for a
            generator of whole studies, of the images in both places ``(studies, VIEWS, K, channels)``.
        size: Side of the images in pixels.
        views: View of each of a study's images, 0 frontal and 1 lateral ``(studies, VIEWS)``.
        called: Observations that each report has to affirm (true) or leave out; None lets the generator
            decide.
        check: Replaces sentences that disagree with their finding token; None keeps them.
        prior: The studies before, for a generator that reads them; None where no study has any.

    Returns:
        Of each study the words of each sentence. Their maps are those of the first image: of a study with a
        second one the shares on it are missing, so that all shares sum to less than one.
    """
    decided = None
    if called:
        flags = {name: [study[name] for study in called] for name in called[0]}
        known = {name: torch.tensor(own, device=features.device) for name, own in flags.items()}
        decided = DecidedFindings.of_labels(vocabulary, known)
    regions = model.encoder(features, views, prior)
    decoded = decode(model, regions, keep_attention=True, guidance=decided, check=check)
    assert decoded.attention is not None
    side = size // model.encoder.backbone.stride
    maps = decoded.attention.cpu().numpy()  # (studies, sentences, words, VIEWS * K + 1)
    shares = maps[..., :-1].reshape(*maps.shape[:-1], -1, side, side)
    # An image that stands in both views' places has the shares of both.
    alone = [features.dim() == 3 or torch.equal(study[0], study[1]) for study in features]
    return [
        [
            attended_words(vocabulary, sentence, seen[s], maps[i, s, :, -1])
            for s, sentence in enumerate(report)
        ]
        for i, report in enumerate(word_ids(decoded.reports))
        for seen in [shares[i].sum(axis=-3) if alone[i] else shares[i, ..., 0, :, :]]
    ]
