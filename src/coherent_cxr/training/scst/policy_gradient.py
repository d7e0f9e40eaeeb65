"""The policy gradient: REINFORCE on the probability with which reports were sampled (Williams 1992)."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from coherent_cxr.configuration import Settings
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.generator import TeacherForced
from coherent_cxr.training.scst.decisions import Decisions


def policy_gradient_loss(log_probability: Tensor, advantage: Tensor) -> Tensor:
    """A loss whose gradient is that of minus the expected reward.

    Args:
        log_probability: log p(Z) of sampled reports, words and stop decisions ``(batch,)``, with gradient.
        advantage: Reward minus baseline ``(batch,)``; a baseline that does not depend on Z leaves the
            expected gradient as it is.

    Returns:
        Mean over the batch, a scalar.
    """
    return -(advantage.to(log_probability.dtype) * log_probability).mean()


class ClipConfig(Settings):
    """How far a decision may move away from the policy that sampled it, where samples are used again.

    Attributes:
        low: Smallest ratio of its probabilities, now to then, that still has a gradient where the advantage
            is negative.
        high: Largest ratio that still has a gradient where it is positive. Above 2 - low, probabilities
            may rise further than they may fall, which helps unlikely decisions (DAPO, Yu et al. 2025).
    """

    low: Annotated[float, Field(ge=0, lt=1)]
    high: Annotated[float, Field(gt=1)]


class ClippedLoss(NamedTuple):
    """The loss, a scalar with gradient, and the share of decisions whose gradient was clipped away."""

    loss: Tensor
    clip_ratio: Tensor


def clipped_loss(
    decisions: Decisions, sampled_with: Tensor, advantage: Tensor, clip: ClipConfig
) -> ClippedLoss:
    """The clipped objective of PPO (Schulman et al. 2017, eq. 7) at each word and stop decision.

    A report's decisions are summed and not averaged, so that long reports count as they do in
    :func:`policy_gradient_loss`, whose gradient this one has before the first step.

    Args:
        decisions: Decisions of the reports under the present policy, with gradient.
        sampled_with: Their log-probabilities when they were sampled ``(decisions,)``.
        advantage: Of each report ``(reports,)``.
        clip: The limits.
    """
    ratio = (decisions.log_probability - sampled_with).exp()
    earned = advantage.to(ratio.dtype)[decisions.report]
    free, held = ratio * earned, ratio.clamp(clip.low, clip.high) * earned
    return ClippedLoss(-torch.minimum(free, held).sum() / len(advantage), (held < free).double().mean())


def as_sampled(scored: TeacherForced, sampling: SamplingConfig) -> TeacherForced:
    """Return scores under the distribution of the sampling: temperature, top-k and top-p applied.

    A sampled word always keeps its place among the words that could be sampled, so that a rounding difference
    between writing and scoring cannot give it probability zero.

    Args:
        scored: Scores of the sampled reports.
        sampling: How they were sampled.
    """
    if sampling.temperature == 1 and not sampling.limits:
        return scored
    logits = scored.word_logits / sampling.temperature
    if sampling.limits:
        drawn = nn.functional.one_hot(scored.targets, logits.shape[-1]).bool()
        logits = torch.where(drawn, logits, sampling.allowed(logits))
    return scored._replace(word_logits=logits, stop_logits=scored.stop_logits / sampling.temperature)


@torch.no_grad()
def word_entropy(scored: TeacherForced) -> Tensor:
    """Mean entropy of the next word over all words of the reports, in nats, a scalar."""
    logs = torch.log_softmax(scored.word_logits, dim=-1)
    return -(logs.exp() * logs.clamp_min(torch.finfo(logs.dtype).min)).sum(dim=-1).mean()


def without_dropout(model: nn.Module) -> None:
    """Put a module in evaluation mode, but its LSTMs in training mode, which cuDNN wants for a gradient."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.LSTM):
            module.train()
