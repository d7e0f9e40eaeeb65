"""Likelihood of reports: the MLE losses, log-probabilities for REINFORCE, scheduled sampling."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from coherent_cxr.models.generator import TeacherForced


class LikelihoodLoss(NamedTuple):
    """Mean word cross-entropy and mean stop cross-entropy, in nats, both scalars."""

    words: Tensor
    stop: Tensor


def word_log_probabilities(scored: TeacherForced) -> Tensor:
    """Log-probability of each target word ``(N,)``; 0 where the mask is false."""
    targets = scored.targets.masked_fill(~scored.word_mask, -100)
    return -functional.cross_entropy(scored.word_logits, targets, reduction="none", ignore_index=-100)


def stop_log_probabilities(scored: TeacherForced) -> Tensor:
    """Log-probability of each stop decision ``(batch, sentences)``; 0 where none was made."""
    losses = functional.binary_cross_entropy_with_logits(
        scored.stop_logits, scored.stop_targets, reduction="none"
    )
    return torch.where(scored.stop_mask, -losses, torch.zeros_like(losses))


def likelihood_loss(scored: TeacherForced) -> LikelihoodLoss:
    """Word and stop cross-entropy (Liu et al. 2019, section 3.4); nothing after a stop or an end counts."""
    words = -word_log_probabilities(scored).sum() / scored.word_mask.sum().clamp_min(1)
    stop = -stop_log_probabilities(scored).sum() / scored.stop_mask.sum().clamp_min(1)
    return LikelihoodLoss(words, stop)


def report_log_probability(scored: TeacherForced, reports: int) -> Tensor:
    """Log-probability of whole reports, words and stop decisions together ``(reports,)``."""
    of_word = word_log_probabilities(scored)
    total = torch.zeros(reports, dtype=of_word.dtype, device=of_word.device)
    return total.index_add(0, scored.packing.report, of_word) + stop_log_probabilities(scored).sum(dim=1)


def sampled_words(
    scored: TeacherForced, words: Tensor, probability: float, generator: torch.Generator
) -> Tensor:
    """Words to read for scheduled sampling (Bengio et al. 2015), from one teacher-forced pass.

    Two passes replace a loop over words (Mihaylova and Martins 2019): the first pass's predictions stand in,
    at random, for the reference's words as the second pass's inputs.

    Args:
        scored: Result of a teacher-forced pass.
        words: The reports' words ``(batch, sentences, words)``.
        probability: Chance of each word to be replaced by a sampled one, 0 to 1.
        generator: Source of randomness, on the logits' device.

    Returns:
        Word ids ``(batch, sentences, words)``, for ``read`` of the second pass.
    """
    drawn = torch.multinomial(torch.softmax(scored.word_logits.detach(), dim=-1), 1, generator=generator)
    coin = torch.rand(len(drawn), generator=generator, device=drawn.device) < probability
    mixed = torch.where(coin & scored.word_mask, drawn.squeeze(1), scored.targets)
    return words.clone().masked_scatter(scored.packing.counted, mixed)
