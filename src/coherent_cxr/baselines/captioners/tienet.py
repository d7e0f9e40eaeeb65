"""TieNet (Wang et al. 2018): Show-Attend-and-Tell whose states must also classify the study."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from coherent_cxr.baselines.captioners.captioner import CaptionerConfig
from coherent_cxr.baselines.captioners.sequences import CaptionBatch
from coherent_cxr.baselines.captioners.show_attend_and_tell import (
    ATTENTION_WEIGHT,
    ShowAttendAndTell,
    unevenness,
)
from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.reports.vocabulary import Vocabulary

HOPS = 5
"""r, the number of attentions over the words (Wang et al. 2018, section 3.2)."""
CLASSIFICATION_SHARE = 0.85
"""alpha of the joint loss, alpha * classification + (1 - alpha) * report (section 3.4)."""


class TieNet(ShowAttendAndTell):
    """Joint text and image embedding.

    Attention-encoded text embedding (AETE): A = softmax over words of W_2 tanh(W_1 H), r hops; M = A H; its
    largest value over the hops. Saliency-weighted global average pooling (SW-GAP): a word's saliency is its
    largest share over the hops; it weighs the word's map, and the weighted map pools the image. Both together
    give the 14 labels.
    """

    def __init__(self, config: CaptionerConfig, vocabulary_size: int) -> None:
        super().__init__(config, vocabulary_size)
        self.hop_hidden = nn.Linear(config.size, config.attention_size, bias=False)
        self.hop_score = nn.Linear(config.attention_size, HOPS, bias=False)
        self.classify = nn.Linear(config.size + config.channels, len(OBSERVATIONS))

    def loss(self, batch: CaptionBatch, randomness: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Joint loss of words and labels."""
        unrolled = self.unroll(batch.words, batch.features, randomness)
        words = self.word_loss(unrolled.outputs, batch.words)
        uneven = unevenness(unrolled.attention, batch.words)
        logits = self.label_logits(unrolled.hidden, unrolled.attention, batch.features, batch.words)
        labels = functional.binary_cross_entropy_with_logits(logits, batch.targets, weight=batch.known)
        report = words + ATTENTION_WEIGHT * uneven
        return CLASSIFICATION_SHARE * labels + (1 - CLASSIFICATION_SHARE) * report, {
            "word_loss": words.item(),
            "unevenness": uneven.item(),
            "label_loss": labels.item(),
        }

    def label_logits(self, states: Tensor, attention: Tensor, features: Tensor, words: Tensor) -> Tensor:
        """Classify a study from its text and image.

        Args:
            states: H, a vector per word ``(rows, words, size)``.
            attention: Where each word looked ``(rows, words, K)``.
            features: Region features ``(rows, K, channels)``.
            words: Word ids ``(rows, words)``; padding has no share.

        Returns:
            Logits ``(rows, 14)``.
        """
        shares = self.hop_score(torch.tanh(self.hop_hidden(states)))  # (rows, words, hops)
        padding = (words == Vocabulary.pad_id).unsqueeze(-1)
        shares = torch.softmax(shares.masked_fill(padding, float("-inf")), dim=1)
        text = torch.einsum("rwh,rws->rhs", shares, states).amax(dim=1)  # AETE
        saliency = shares.amax(dim=-1)  # (rows, words)
        weighted = torch.einsum("rw,rwk->rk", saliency, attention)
        pooled = torch.einsum("rk,rkc->rc", weighted, features)  # SW-GAP
        logits: Tensor = self.classify(self.dropout(torch.cat([text, pooled], dim=-1)))
        return logits
