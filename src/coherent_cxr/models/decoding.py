"""Writing reports: greedy decoding and sampling, vectorised over studies and sentences."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.reports.vocabulary import Vocabulary


class Decoded(NamedTuple):
    """Written reports.

    Attributes:
        reports: Words with their sentence ends, number of sentences, whether the stop signal ended them.
        attention: ``(batch, sentences, words, K + 1)`` with the sentinel last; None unless asked for.
    """

    reports: TargetReports
    attention: Tensor | None


@torch.no_grad()
def decode(
    model: ReportGenerator,
    regions: Tensor,
    how: Literal["greedy", "sample"] = "greedy",
    generator: torch.Generator | None = None,
    keep_attention: bool = False,
) -> Decoded:
    """Write one report per study.

    All topics come from one call, because they do not depend on words; then every sentence of every study is
    written at the same time, word by word, until all have ended.

    Args:
        model: The generator; call ``eval()`` first unless dropout is wanted.
        regions: Image regions V ``(batch, K, size)``.
        how: ``greedy`` takes the likeliest word and stops above one half; ``sample`` draws both.
        generator: Source of randomness for ``sample``, on the regions' device.
        keep_attention: Whether to return the attention maps.

    Returns:
        The written reports.
    """
    batch, device = regions.shape[0], regions.device
    longest, max_words = model.config.max_sentences, model.config.max_words
    topics, stop_logits = model.sentence_decoder(regions.mean(dim=1), longest)
    chance = torch.sigmoid(stop_logits)
    if how == "greedy":
        stops = chance > 0.5
    else:
        stops = torch.rand(chance.shape, generator=generator, device=device) < chance
    stopped = stops.any(dim=1)
    sentences = torch.where(stopped, stops.int().argmax(dim=1) + 1, longest)
    exists = torch.arange(longest, device=device) < sentences.unsqueeze(1)
    report, sentence = exists.nonzero(as_tuple=True)
    row_topics, row_regions = topics[report, sentence], regions[report]

    rows = len(report)
    word = torch.full((rows,), Vocabulary.bos_id, device=device)
    ended = torch.zeros(rows, dtype=torch.bool, device=device)
    state, written, maps = None, [], []
    for _ in range(max_words):
        step = model.word_decoder(word.unsqueeze(1), row_topics, row_regions, state)
        logits = step.logits[:, 0]
        if how == "greedy":
            word = logits.argmax(dim=-1)
        else:
            word = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=generator).squeeze(1)
        word = word.masked_fill(ended, Vocabulary.pad_id)
        written.append(word)
        if keep_attention:
            maps.append(step.attention[:, 0])
        ended = ended | (word == Vocabulary.eos_id)
        state = step.state
        if bool(ended.all()):
            break
    # (batch, sentences, words), only as long as the longest that was written
    words = torch.full((batch, int(sentences.max()), len(written)), Vocabulary.pad_id, device=device)
    words[report, sentence] = torch.stack(written, dim=1)
    attention = None
    if keep_attention:
        attention = torch.zeros(*words.shape, maps[0].shape[-1], device=device)
        attention[report, sentence] = torch.stack(maps, dim=1)
    return Decoded(TargetReports(words, sentences, stopped), attention)


def word_ids(reports: TargetReports) -> list[list[list[int]]]:
    """Return the plain word ids of each sentence of each report, without ends and padding."""
    marks = {Vocabulary.pad_id, Vocabulary.eos_id}
    return [
        [[w for w in sentence if w not in marks] for sentence in report[:count]]
        for report, count in zip(reports.words.tolist(), reports.sentences.tolist(), strict=True)
    ]


def without_repeats(sentences: list[list[str]]) -> list[list[str]]:
    """Drop every sentence that stands earlier in the same report (the paper's post-processing)."""
    return [sentence for i, sentence in enumerate(sentences) if sentence not in sentences[:i]]
