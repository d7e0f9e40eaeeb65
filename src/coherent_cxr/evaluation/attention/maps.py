"""Attention of many studies at once, and which generated words mention which observation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.inference.attention import attended_words
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.backbone import VIEWS
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.reports.word_attention import WordAttention, words_of

Report = list[list[WordAttention]]
"""Words of each sentence, finding tokens included, with their maps."""


class AttendedMention(NamedTuple):
    """A mention and the attention while it was generated.

    Attributes:
        study: Number of the study.
        observation: Of which it speaks.
        status: 1 affirmed, 0 denied, -1 uncertain.
        sentinel: Mean share on the sentinel over the mention's words.
        regions: Mean share of each region over the words, scaled to sum to one ``(rows, columns)``.
        finding_token_sentinel: Share on the sentinel while the finding token of its sentence was generated;
            None for a generator without finding tokens.
    """

    study: int
    observation: str
    status: int
    sentinel: float
    regions: NDArray[np.float64]
    finding_token_sentinel: float | None = None


@torch.no_grad()
def write_with_maps(
    model: ReportGenerator,
    vocabulary: Vocabulary,
    batches: Iterable[Tensor],
    check: SentenceCheck | None = None,
) -> list[Report]:
    """Generate a report for each study greedily and keep the attention of every word.

    Args:
        model: The generator in evaluation mode.
        vocabulary: Its words.
        batches: Image regions V ``(batch, K, size)``.
        check: Chooses sentences again, as when the reports were generated.

    Returns:
        One report per study. Of a model that reads two views, the maps of both stand below each other, the
        frontal one first ``(rows, columns)``.
    """
    views = VIEWS if model.config.study_input == "per_study" else 1
    reports: list[Report] = []
    for regions in batches:
        decoded = decode(model, regions, keep_attention=True, check=check)
        assert decoded.attention is not None
        side = round((regions.shape[1] / views) ** 0.5)
        for maps, sentences in zip(decoded.attention.cpu().numpy(), word_ids(decoded.reports), strict=True):
            reports.append(
                [
                    attended_words(
                        vocabulary,
                        sentence,
                        maps[s, :, :-1].reshape(maps.shape[1], -1, side),
                        maps[s, :, -1],
                    )
                    for s, sentence in enumerate(sentences)
                ]
            )
    return reports


def report_text(report: Report) -> str:
    """Return the readable report."""
    return detokenize(words_of(report))


def word_spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return where each word stands in a readable report.

    Args:
        text: What :func:`~coherent_cxr.reports.text.detokenize` wrote.
        words: The words it was given, in order.

    Raises:
        ValueError: If the text was not written from these words.
    """
    lowered, end, spans = text.lower(), 0, []
    for word in words:
        start = lowered.find(word, end)
        if start < 0:
            raise ValueError(f"The word '{word}' does not stand in the report after character {end}.")
        end = start + len(word)
        spans.append((start, end))
    return spans


def attended_mentions(labeler: CheXpertLabeler, reports: Sequence[Report]) -> list[AttendedMention]:
    """Pair every mention of an observation with the attention of its words."""
    found = []
    for number, report in enumerate(reports):
        token_shares = [[word.sentinel for word in sentence if word.is_finding_token] for sentence in report]
        placed = [
            (w, m) for s, m in zip(report, token_shares, strict=True) for w in s if not w.is_finding_token
        ]
        words = [word for word, _ in placed]
        text = report_text(report)
        spans = word_spans(text, [word.word for word in words])
        for mention in labeler.explain(text):
            if mention.observation == "No Finding":
                continue
            own = [w for w, (a, b) in zip(words, spans, strict=True) if a < mention.end and b > mention.start]
            if not own:
                continue
            token_share = next((m for w, m in placed if w is own[0]), [])
            regions = np.mean([w.regions for w in own], axis=0, dtype=np.float64)
            found.append(
                AttendedMention(
                    number,
                    mention.observation,
                    mention.status,
                    float(np.mean([w.sentinel for w in own])),
                    regions / max(regions.sum(), 1e-12),
                    token_share[0] if token_share else None,
                )
            )
    return found
