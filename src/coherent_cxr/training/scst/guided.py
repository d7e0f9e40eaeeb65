"""Guided samples: one sampled report of an image is edited towards its reference."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import Settings, Share
from coherent_cxr.models.generator import TargetReports
from coherent_cxr.reports.affirmed_findings import NO_FINDING
from coherent_cxr.training.validation import ReportReader

Sentence = Sequence[str]


class GuidedConfig(Settings):
    """How many sampled reports are edited.

    Attributes:
        share: Share of a batch's images whose first sampled report is edited if it misses a finding; 0: none.
    """

    share: Share


class Guided(NamedTuple):
    """Sampled reports after editing, and how many were edited."""

    reports: TargetReports
    edited: int


def guide(
    sampled: TargetReports, references: TargetReports, samples: int, share: float, reader: ReportReader
) -> Guided:
    """Give sampled reports that miss a finding one sentence of their reference.

    A policy whose samples all miss a finding cannot learn it from their rewards. So in the first sample of an
    image the sentence that affirms no finding of the reference, and is nearest in words to a sentence of the
    reference that affirms a missed one, is replaced by that sentence: at most one a report (EditGRPO). Its
    log-probability has to be computed of the edited report.

    Args:
        sampled: Sampled reports on the CPU, those of one image next to each other.
        references: One reference per image, on the CPU.
        samples: Sampled reports per image.
        share: Share of the images that are looked at, the first ones.
        reader: Reads texts and labels.
    """
    images = ceil(share * len(references.sentences))
    rows = np.arange(images) * samples
    texts = reader.texts(_chosen(sampled, rows))
    true_texts = reader.texts(_chosen(references, np.arange(images)))
    found, true = reader.labels(texts) == 1, reader.labels(true_texts) == 1
    words = sampled.words
    edited, findings = 0, np.array([name != NO_FINDING for name in OBSERVATIONS])
    for image, row in enumerate(rows.tolist()):
        missed = true[image] & ~found[image] & findings
        pair = _nearest(texts[image], true_texts[image], true[image] & findings, missed, reader)
        if pair is None:
            continue
        old, new = pair
        words = _wider(words, references.words.shape[-1])
        words[row, old] = 0  # padding
        words[row, old, : references.words.shape[-1]] = references.words[image, new]
        edited += 1
    return Guided(TargetReports(words, sampled.sentences, sampled.stopped), edited)


def _nearest(
    sentences: Sequence[Sentence],
    true_sentences: Sequence[Sentence],
    true: NDArray[np.bool_],
    missed: NDArray[np.bool_],
    reader: ReportReader,
) -> tuple[int, int] | None:
    """Return which sentence is replaced and by which one of the reference; None if there is no such pair."""
    if not missed.any() or not sentences:
        return None
    own = reader.labels([[list(sentence)] for sentence in sentences]) == 1
    theirs = reader.labels([[list(sentence)] for sentence in true_sentences]) == 1
    free = np.flatnonzero(~(own & true).any(axis=1)).tolist()
    offered = np.flatnonzero((theirs & missed).any(axis=1)).tolist()
    pairs = [(overlap(sentences[a], true_sentences[b]), -a, -b) for a in free for b in offered]
    if not pairs:
        return None
    _, a, b = max(pairs)
    return -a, -b


def overlap(one: Sentence, other: Sentence) -> float:
    """Return the F1 of the words that two sentences share, each counted once, 0 to 1."""
    shared = len(set(one) & set(other))
    return 2 * shared / max(len(set(one)) + len(set(other)), 1)


def _chosen(reports: TargetReports, rows: NDArray[np.int64]) -> TargetReports:
    index = torch.from_numpy(rows)
    return TargetReports(*(part[index] for part in reports))


def _wider(words: torch.Tensor, width: int) -> torch.Tensor:
    """Return a copy with room for so many words a sentence."""
    return torch.nn.functional.pad(words, (0, max(width - words.shape[-1], 0))).clone()
