"""Decoding reports: greedily, by sampling or by beam search, for many studies at the same time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from coherent_cxr.finite import require_finite, require_finite_weights
from coherent_cxr.inference.decisions import Guidance
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.inference.sentence_decoding import (
    SamplingConfig,
    beam_search,
    generate_sentences,
)
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import report_log_probability
from coherent_cxr.models.word_decoder import DecoderStepCache, ImageContext
from coherent_cxr.reports.vocabulary import Vocabulary

How = Literal["greedy", "sample", "beam"]


class Decoded(NamedTuple):
    """Generated reports.

    Attributes:
        reports: Words with their sentence ends, number of sentences, whether the stop signal ended them.
        attention: ``(batch, sentences, words, K + 1)`` with the sentinel last; None unless asked for.
    """

    reports: TargetReports
    attention: Tensor | None


@dataclass(frozen=True)
class _DecodingOptions:
    """How sentences are written.

    Attributes:
        sampling: How words and stops are chosen.
        keep_attention: Whether to return the attention maps.
        beams: Width of the beam; 0 for none.
        check: Replaces sentences that disagree with their finding token or each other; None for none.
    """

    sampling: SamplingConfig
    keep_attention: bool = False
    beams: int = 0
    check: SentenceCheck | None = None

    def sentences(
        self,
        model: ReportGenerator,
        topics: Tensor,
        image: ImageContext,
        cache: DecoderStepCache,
        exists: Tensor,
        guidance: Guidance | None = None,
        before: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Write one sentence per topic; arguments and returns as of
        :func:`~coherent_cxr.inference.sentence_decoding.generate_sentences`."""
        attention = None
        if self.beams:
            found, _ = beam_search(model, topics, image, cache, exists, self.beams, guidance)
            words = found[:, :, 0]
        else:
            words, attention = generate_sentences(
                model, topics, image, cache, exists, self.sampling, self.keep_attention, guidance
            )
        if self.check is None:
            return words, attention
        return self.check.replace_unconfirmed(model, words, attention, topics, image, cache, exists, before)


@torch.no_grad()
def decode(
    model: ReportGenerator,
    regions: Tensor,
    how: How = "greedy",
    generator: torch.Generator | None = None,
    keep_attention: bool = False,
    *,
    beams: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    guidance: Guidance | None = None,
    check: SentenceCheck | None = None,
) -> Decoded:
    """Generate one report per study.

    Where topics do not depend on words, every sentence of every study is written at the same time; with
    sentence feedback, the first sentences of all studies are written, then the second ones, and so on.
    Decoding ends when all have ended. De-identification marks (``XXXX``) are never generated.

    Args:
        model: The generator; call ``eval()`` first.
        regions: Image regions V ``(batch, K, size)``.
        how: ``greedy`` takes the likeliest word and stops above one half; ``sample`` samples words and
            stops; ``beam`` searches each sentence for a likelier wording and keeps the greedy report where
            that is likelier.
        generator: Source of randomness for ``sample``, on the regions' device.
        keep_attention: Whether to return the attention maps (not by beam).
        beams: Width of the beam.
        temperature: Sampling: logits are divided by it, those of the stop signal too.
        top_k: Sampling: only this many likeliest words; 0 for all.
        top_p: Sampling: only the likeliest words that reach this probability together.
        guidance: Findings that are decided, or evidence for them. Needs a generator with sentence feedback,
            whose sentences know which ones stand before.
        check: Replaces sentences that disagree with their finding token or with one before them, and leaves
            out those that deny what another one affirms; None keeps them.

    Returns:
        The generated reports.

    Raises:
        ValueError: If a parameter is out of its range, or the generator cannot follow decisions.
        NonFiniteError: If the regions, or the logits of a word or a stop signal, are not finite numbers.
    """
    sampling = SamplingConfig(how == "sample", generator, temperature, top_k, top_p, for_reading=True)
    if beams < 1:
        raise ValueError(f"beams is {beams}; it must be at least 1.")
    if guidance is not None and model.sentence_decoder.feedback is None:
        raise ValueError(
            "A generator without sentence feedback decodes all sentences at once and cannot follow decided "
            "findings. Train with mle_training.generator.sentence_feedback: true, or write without decisions."
        )
    if how == "beam":
        if keep_attention:
            raise ValueError("Attention is kept by greedy decoding and sampling only; use how='greedy'.")
        greedy = _write(model, regions, _DecodingOptions(sampling, check=check), guidance).reports
        searched = _write(
            model, regions, _DecodingOptions(sampling, beams=beams, check=check), guidance
        ).reports
        return Decoded(_likelier(model, regions, greedy, searched), None)
    return _write(model, regions, _DecodingOptions(sampling, keep_attention, check=check), guidance)


@torch.no_grad()
def sample_reports(model: ReportGenerator, regions: Tensor, sampling: SamplingConfig) -> TargetReports:
    """Sample one report per study, as :func:`decode` with ``how="sample"`` does."""
    return _write(model, regions, _DecodingOptions(sampling)).reports


@torch.no_grad()
def sample_reports_and_greedy(
    model: ReportGenerator, regions: Tensor, samples: int, sampling: SamplingConfig
) -> tuple[TargetReports, TargetReports]:
    """Sample reports and decode the greedy ones in one batch, as more rows cost hardly more time.

    Args:
        model: The generator; call ``eval()`` first.
        regions: Image regions V ``(images, K, size)``.
        samples: Reports to sample per image.
        sampling: How they are sampled.

    Returns:
        Sampled reports ``(images * samples)``, those of an image next to each other, and greedy ones
        ``(images)``, as :func:`decode` would write them.
    """
    drawn = len(regions) * samples
    both = torch.cat([regions.repeat_interleave(samples, dim=0), regions])
    generated = _write(model, both, _DecodingOptions(replace(sampling, drawn=drawn))).reports
    return _trimmed(generated, slice(drawn)), _trimmed(generated, slice(drawn, None))


def _trimmed(reports: TargetReports, part: slice) -> TargetReports:
    """Return some reports, padded to the longest of them."""
    words, sentences, stopped = (tensor[part] for tensor in reports)
    used = int((words != Vocabulary.pad_id).sum(dim=-1).max())
    return TargetReports(words[:, : int(sentences.max()), :used], sentences, stopped)


def _write(
    model: ReportGenerator,
    regions: Tensor,
    manner: _DecodingOptions,
    guidance: Guidance | None = None,
) -> Decoded:
    decoded = _written(model, regions, manner, guidance)
    return decoded if manner.check is None else Decoded(*manner.check.without_denials(*decoded))


def _written(
    model: ReportGenerator, regions: Tensor, manner: _DecodingOptions, guidance: Guidance | None
) -> Decoded:
    require_finite(regions, "The features of the images")
    for decoder in (model.sentence_decoder, model.word_decoder):  # a gate would turn infinity into 1
        require_finite_weights(dict(decoder.named_parameters()))
    sampling, keep_attention = manner.sampling, manner.keep_attention
    batch, longest = len(regions), model.config.max_sentences
    image, cache = model.word_decoder.encode_regions(regions), model.word_decoder.step_cache()
    unstopped = torch.full((batch,), longest, device=regions.device)
    if model.sentence_decoder.feedback is None:
        nothing = regions.new_zeros(batch, longest, model.config.size)
        topics, stop_logits, _ = model.sentence_decoder(image.mean, nothing)
        stops = sampling.stops(stop_logits)
        stopped = stops.any(dim=1)
        sentences = torch.where(stopped, stops.int().argmax(dim=1) + 1, unstopped)
        topics = topics[:, : int(sentences.max())]
        position = torch.arange(topics.shape[1], device=regions.device)
        exists = position < sentences.unsqueeze(1)
        words, attention = manner.sentences(model, topics, image, cache, exists)
        return Decoded(TargetReports(words, sentences, stopped), attention)

    width = model.config.max_words
    words = torch.full((batch, longest, width), Vocabulary.pad_id, device=regions.device)
    attention = regions.new_zeros(batch, longest, width, regions.shape[1] + 1) if keep_attention else None
    stopped = torch.zeros(batch, dtype=torch.bool, device=regions.device)
    sentences = unstopped.clone()
    running = torch.arange(batch, device=regions.device)  # studies whose report goes on
    before = regions.new_zeros(batch, 1, model.config.size)
    state = None
    for place in range(longest):
        topics, stop_logits, state = model.sentence_decoder(image.mean, before, state)
        exists = torch.ones_like(stop_logits, dtype=torch.bool)
        here = replace(manner, sampling=sampling.of(running))
        generated, maps = here.sentences(
            model, topics, image, cache, exists, guidance, words[running, :place]
        )
        words[running, place, : generated.shape[-1]] = generated.squeeze(1)
        if attention is not None and maps is not None:
            attention[running, place, : generated.shape[-1]] = maps.squeeze(1)
        stops = here.sampling.stops(stop_logits).squeeze(1)
        if guidance is not None:
            guidance = guidance.after(generated[:, 0, 0])
            stops = stops & ~guidance.unfinished
        ending = running[stops]
        stopped[ending] = True
        sentences[ending] = place + 1
        on = (~stops).nonzero().squeeze(1)
        if len(on) == 0:
            break
        running, image, before = running[on], image.of(on), model.sentence_embedding(generated[on])
        guidance = None if guidance is None else guidance.of(on)
        state = (state[0][:, on].contiguous(), state[1][:, on].contiguous())
    # only as long as the longest that was written
    last = int(sentences.max())
    used = int((words != Vocabulary.pad_id).sum(dim=-1).max())
    words = words[:, :last, :used]
    return Decoded(
        TargetReports(words, sentences, stopped), None if attention is None else attention[:, :last, :used]
    )


def _likelier(
    model: ReportGenerator, regions: Tensor, one: TargetReports, other: TargetReports
) -> TargetReports:
    """Return the likelier of two reports of each study; ``one`` where both are equally likely."""
    log_one, log_other = (report_log_probability(model(regions, r), len(regions)) for r in (one, other))
    better = log_other > log_one
    shape = [max(a, b) for a, b in zip(one.words.shape, other.words.shape, strict=True)]
    words = torch.full(shape, Vocabulary.pad_id, device=regions.device)
    for reports, chosen in ((one, ~better), (other, better)):
        words[chosen, : reports.words.shape[1], : reports.words.shape[2]] = reports.words[chosen]
    return TargetReports(
        words,
        torch.where(better, other.sentences, one.sentences),
        torch.where(better, other.stopped, one.stopped),
    )


def word_ids(reports: TargetReports) -> list[list[list[int]]]:
    """Return the plain word ids of each sentence of each report, without ends and padding."""
    special = (Vocabulary.pad_id, Vocabulary.eos_id)
    return [
        [[w for w in sentence if w not in special] for sentence in report[:count]]
        for report, count in zip(reports.words.tolist(), reports.sentences.tolist(), strict=True)
    ]
