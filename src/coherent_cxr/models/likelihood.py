"""Likelihood of reports: the MLE losses, log-probabilities for REINFORCE, scheduled sampling."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from coherent_cxr.models.generator import TeacherForced, previous_words


class LikelihoodLoss(NamedTuple):
    """Mean word cross-entropy and mean stop cross-entropy, in nats, both scalars."""

    words: Tensor
    stop: Tensor


def word_log_probabilities(scored: TeacherForced) -> Tensor:
    """Log-probability of each target word ``(R, words)``; 0 where the mask is false."""
    targets = scored.targets.masked_fill(~scored.word_mask, 0)
    chosen = scored.word_logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    chosen = torch.where(scored.word_mask, chosen, torch.zeros_like(chosen))
    normaliser = torch.logsumexp(scored.word_logits, dim=-1)
    return torch.where(scored.word_mask, chosen - normaliser, torch.zeros_like(chosen))


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
    of_sentence = word_log_probabilities(scored).sum(dim=1)
    total = torch.zeros(reports, dtype=of_sentence.dtype, device=of_sentence.device)
    return total.index_add(0, scored.report, of_sentence) + stop_log_probabilities(scored).sum(dim=1)


def sampled_inputs(scored: TeacherForced, probability: float, generator: torch.Generator) -> Tensor:
    """Previous words for scheduled sampling (Bengio et al. 2015), from one teacher-forced pass.

    Two passes replace a loop over words (Mihaylova and Martins 2019): the first pass's predictions stand in,
    at random, for the reference's words as the second pass's inputs.

    Args:
        scored: Result of a teacher-forced pass.
        probability: Chance of each previous word to be a sampled one, 0 to 1.
        generator: Source of randomness, on the logits' device.

    Returns:
        Word ids ``(R, words)``; the sentence start stays.
    """
    rows, words, vocabulary = scored.word_logits.shape
    chances = torch.softmax(scored.word_logits.detach(), dim=-1).view(rows * words, vocabulary)
    drawn = torch.multinomial(chances, 1, generator=generator).view(rows, words)
    coin = torch.rand(rows, words, generator=generator, device=drawn.device) < probability
    mixed = torch.where(coin & scored.word_mask, drawn, scored.targets)
    return previous_words(mixed)
