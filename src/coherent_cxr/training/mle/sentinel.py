"""How much the words behind a finding token attend to the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coherent_cxr.inference.samples import Samples
from coherent_cxr.models.generator import TeacherForced
from coherent_cxr.models.packing import counted_words
from coherent_cxr.reports.finding_tokens import NO_FINDING_TOKEN
from coherent_cxr.reports.vocabulary import Vocabulary


def tokens_of_findings(vocabulary: Vocabulary) -> list[int]:
    """Return the ids of finding tokens that stand for a finding, not for none."""
    return sorted(vocabulary.finding_token_ids - {vocabulary.id_of(NO_FINDING_TOKEN)})


def sentinel_shares(scored: TeacherForced, words: Tensor, tokens: Sequence[int]) -> Tensor:
    """Return the sentinel's share of attention at each word behind the token of a finding.

    Args:
        scored: A teacher-forced pass.
        words: Word ids of its reports ``(batch, sentences, words)``.
        tokens: From :func:`tokens_of_findings`.

    Returns:
        Shares, 0 to 1, of the words of these sentences, tokens and ends left out ``(n,)``.
    """
    packing = scored.packing
    first = words[packing.report, packing.sentence, 0]
    behind = torch.isin(first, torch.tensor(tokens, device=words.device, dtype=words.dtype))
    return scored.attention[behind & ~packing.begins & (scored.targets != Vocabulary.eos_id), -1]


def words_behind_findings(samples: Samples, tokens: Sequence[int]) -> int:
    """Count the words that :func:`sentinel_shares` has of all samples."""
    words, sentences = samples.reports.words, samples.reports.sentences
    counted = counted_words(words, sentences) & (words != Vocabulary.eos_id)
    behind = torch.isin(words[..., 0], torch.tensor(tokens, dtype=words.dtype, device="cpu"))
    return int((counted[..., 1:] & behind.unsqueeze(-1)).sum())
