"""The unlikelihood of words of earlier sentences (Welleck et al. 2020), so that a report repeats less."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from coherent_cxr.models.generator import TeacherForced
from coherent_cxr.reports.vocabulary import SPECIAL

LEAST: float = 1e-6
"""Smallest 1 - p, so that a word that is certain costs no infinite loss."""


def unlikelihood(scored: TeacherForced, words: Tensor, tokens: Tensor) -> Tensor:
    """Return the cost of words that are in earlier sentences of a report but not in the present one.

    For each word of the reference it is the sum of ``-log(1 - p(c))`` over those words c (eq. 5 there).

    Args:
        scored: Result of a teacher-forced pass.
        words: The reports' words ``(batch, sentences, words)``.
        tokens: Ids whose repetition costs nothing: all finding tokens, also the one for no finding.

    Returns:
        ``(N,)``, 0 where the mask is false.
    """
    batch, sentences, _ = words.shape
    size = scored.word_logits.shape[1]
    held = torch.zeros((batch, sentences, size), dtype=torch.bool, device=words.device)
    held.scatter_(2, words.clamp(0, size - 1), value=True)
    held[..., : len(SPECIAL)] = False  # padding and its like
    earlier = held.cumsum(dim=1) - held.to(torch.int64) > 0
    against = earlier & ~held
    against[..., tokens.to(words.device)] = False
    chosen = against[scored.packing.report, scored.packing.sentence]  # (N, vocabulary)
    p = functional.softmax(scored.word_logits.float(), dim=-1)
    cost = -(1 - p).clamp_min(LEAST).log()
    return torch.where(scored.word_mask, (cost * chosen).sum(dim=-1), torch.zeros_like(cost[:, 0]))
