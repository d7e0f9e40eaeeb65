"""Reports as flat word sequences, for systems that know no sentences.

The end token closes every sentence and a second one the report, so the generator's vocabulary is used as it
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coherent_cxr.reports.vocabulary import Vocabulary


class CaptionBatch(NamedTuple):
    """What a system learns from.

    Attributes:
        features: Region features of the frozen encoder ``(rows, K, channels)``.
        words: Word ids with end tokens, padded ``(rows, words)``.
        targets: 1 where an observation is positive ``(rows, 14)``.
        known: 0 where a label is uncertain ``(rows, 14)``.
    """

    features: Tensor
    words: Tensor
    targets: Tensor
    known: Tensor


def flatten(sentences: Sequence[Sequence[int]]) -> list[int]:
    """Return the word ids of a report in one sequence."""
    flat = [word for sentence in sentences for word in (*sentence, Vocabulary.eos_id)]
    return [*flat, Vocabulary.eos_id]


def unflatten(words: Sequence[int]) -> list[list[int]]:
    """Return the sentences of a flat sequence, up to its closing token; a sentence that was cut is kept."""
    sentences: list[list[int]] = []
    sentence: list[int] = []
    for word in words:
        if word == Vocabulary.pad_id or (word == Vocabulary.eos_id and not sentence):
            break
        if word == Vocabulary.eos_id:
            sentences.append(sentence)
            sentence = []
        else:
            sentence.append(word)
    return [*sentences, sentence] if sentence else sentences


def pad_sequences(reports: Sequence[Sequence[Sequence[int]]], max_words: int) -> Tensor:
    """Flatten and pad reports ``(reports, words)``; longer ones are cut and then have no closing token."""
    flat = [flatten(report)[:max_words] for report in reports]
    words = torch.full((len(flat), max(map(len, flat), default=1)), Vocabulary.pad_id)
    for row, sequence in enumerate(flat):
        words[row, : len(sequence)] = torch.tensor(sequence)
    return words
