"""Positions of the words of a batch of reports, so that no computation is spent on padding."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from coherent_cxr.reports.vocabulary import Vocabulary


class PackedTokens(NamedTuple):
    """Places of the N words of a batch, in reading order: report, sentence, word.

    Attributes:
        counted: Which cells of the padded words hold one of the N words ``(batch, sentences, words)``.
        report: Report of each word ``(N,)``.
        sentence: Sentence of each word in its report ``(N,)``.
        begins: Whether a word is its sentence's first ``(N,)``.
        place: Position of each word in its report ``(N,)``.
        packed: Reading-order index of each word of a packed sequence: all first words, longest sentence
            first, then all second words, and so on ``(N,)``.
        packed_sizes: How many sentences still run at each word of a packed sequence, on the CPU.
    """

    counted: Tensor
    report: Tensor
    sentence: Tensor
    begins: Tensor
    place: Tensor
    packed: Tensor
    packed_sizes: Tensor


def counted_words(words: Tensor, sentences: Tensor) -> Tensor:
    """Mask the words that belong to a report: up to each sentence's end, in sentences up to the stop.

    Args:
        words: Padded word ids ``(batch, sentences, words)``.
        sentences: Number of sentences of each report ``(batch,)``.

    Returns:
        Mask ``(batch, sentences, words)``.
    """
    ends = words == Vocabulary.eos_id
    after_end = (ends.cumsum(dim=-1) - ends.long()) > 0
    exists = torch.arange(words.shape[1], device=words.device) < sentences.unsqueeze(1)
    return (words != Vocabulary.pad_id) & ~after_end & exists.unsqueeze(-1)


def pack_tokens(words: Tensor, sentences: Tensor) -> PackedTokens:
    """Lay out the words of a batch.

    Args:
        words: Padded word ids ``(batch, sentences, words)``; every sentence that exists has at least one.
        sentences: Number of sentences of each report ``(batch,)``.

    Returns:
        The places of all words.
    """
    counted = counted_words(words, sentences)
    report, sentence, step = counted.nonzero(as_tuple=True)
    per_report = counted.sum(dim=(1, 2))
    place = torch.arange(len(report), device=words.device) - (per_report.cumsum(0) - per_report)[report]
    lengths = counted.sum(dim=-1).flatten()
    # A packed sequence wants the longest sentence first; among equals, reading order.
    rank = torch.empty_like(lengths)
    rank[lengths.argsort(descending=True, stable=True)] = torch.arange(len(lengths), device=words.device)
    key = step * len(lengths) + rank[report * words.shape[1] + sentence]
    return PackedTokens(
        counted=counted,
        report=report,
        sentence=sentence,
        begins=step == 0,
        place=place,
        packed=key.argsort(),
        packed_sizes=torch.bincount(step).cpu(),
    )
