"""Decoding sentences word by word, many at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from coherent_cxr.finite import require_finite
from coherent_cxr.inference.decisions import Guidance
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.word_decoder import DecoderState, DecoderStepCache, ImageContext, WordDecoder
from coherent_cxr.reports.vocabulary import Vocabulary

STOP_LOGITS = "The logits of the stop signal"
WORD_LOGITS = "The logits of the words"
STAYING = 0.75
"""Share of running studies below which finished ones are dropped from the batch."""


@dataclass(frozen=True)
class SamplingConfig:
    """How words and stops are chosen.

    Attributes:
        draws: Whether they are sampled; otherwise the likeliest is taken.
        generator: Source of randomness.
        temperature: Logits are divided by it.
        top_k: Sample among this many likeliest words; 0 for all.
        top_p: Sample among the likeliest words that reach this probability together (Holtzman et al. 2020).
        drawn: How many reports are sampled, the first ones of the batch; the others are decoded greedily.
            None: all are sampled.
        for_reading: Whether words that no report may hold are left out of sampling too, as they are of greedy
            decoding. Not in training, which needs the probabilities of what is sampled.
    """

    draws: bool
    generator: torch.Generator | None = None
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    drawn: int | None = None
    for_reading: bool = False

    def __post_init__(self) -> None:
        for name, right, rule in (
            ("temperature", self.temperature > 0, "positive"),
            ("top_k", self.top_k >= 0, "0 (all words) or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
        ):
            if not right:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be {rule}.")

    @property
    def limits(self) -> bool:
        """Whether top-k or top-p may exclude words."""
        return self.top_k > 0 or self.top_p < 1

    def of(self, chosen: Tensor) -> SamplingConfig:
        """Return the sampling for some reports of the batch, by rising index ``(reports,)``."""
        return self if self.drawn is None else replace(self, drawn=int((chosen < self.drawn).sum()))

    def stops(self, logits: Tensor) -> Tensor:
        """Decide stop signals ``(batch, sentences)``.

        Raises:
            NonFiniteError: If a logit is not finite.
        """
        require_finite(logits, STOP_LOGITS)
        if not self.draws:
            return logits > 0
        chance = torch.sigmoid(logits / self.temperature)
        drawn = torch.rand(chance.shape, generator=self.generator, device=chance.device) < chance
        return drawn if self.drawn is None else torch.cat([drawn[: self.drawn], logits[self.drawn :] > 0])

    def words(self, logits: Tensor, previous: Tensor, decoder: WordDecoder) -> Tensor:
        """Choose a word for each row of logits ``(batch, rows, vocabulary)``.

        Args:
            logits: Of the next word; greedy decoding takes the likeliest of the words that are well formed.
            previous: The word before ``(batch, rows)``.
            decoder: Says what is well formed.

        Raises:
            NonFiniteError: If the logits of a row are not numbers, or all of them are minus infinity.
        """
        if not self.draws:
            return _likeliest(decoder.well_formed(logits, previous))
        if self.for_reading:
            logits = decoder.without_never_generated(logits)
        if self.drawn is None:
            return self._drawn(logits)
        likeliest = _likeliest(decoder.well_formed(logits[self.drawn :], previous[self.drawn :]))
        return torch.cat([self._drawn(logits[: self.drawn]), likeliest])

    def _drawn(self, logits: Tensor) -> Tensor:
        # By inverting the cumulated chances: one random number per row, where torch.multinomial draws one per
        # word. In double precision, so that the last sum exceeds every draw and no impossible word is chosen.
        sums = torch.softmax(self.allowed(logits / self.temperature), dim=-1).double().cumsum(dim=-1)
        require_finite(sums[..., -1], WORD_LOGITS)
        draws = torch.rand(
            (*sums.shape[:-1], 1), dtype=sums.dtype, generator=self.generator, device=sums.device
        )
        return torch.searchsorted(sums, draws * sums[..., -1:], right=True).squeeze(-1)

    def allowed(self, logits: Tensor) -> Tensor:
        """Set the logits of words that top-k or top-p exclude to minus infinity."""
        if 0 < self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k, dim=-1).values[..., -1:]
            logits = logits.masked_fill(logits < least, -math.inf)
        if self.top_p < 1:
            ordered, order = logits.sort(dim=-1, descending=True, stable=True)
            chances = torch.softmax(ordered, dim=-1)
            # A word stays while those before it fall short of top_p; the likeliest always stays.
            beyond = chances.cumsum(dim=-1) - chances >= self.top_p
            logits = logits.masked_fill(beyond.scatter(-1, order, beyond), -math.inf)
        return logits


def _likeliest(logits: Tensor) -> Tensor:
    likeliest = logits.argmax(dim=-1, keepdim=True)  # the place of a NaN, where there is one
    require_finite(logits.gather(-1, likeliest), WORD_LOGITS)
    return likeliest.squeeze(-1)


def generate_sentences(
    model: ReportGenerator,
    topics: Tensor,
    image: ImageContext,
    cache: DecoderStepCache,
    exists: Tensor,
    sampling: SamplingConfig,
    keep_attention: bool = False,
    guidance: Guidance | None = None,
    given: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Write one sentence per topic, all at the same time; studies whose sentences have ended drop out.

    Args:
        model: The generator.
        topics: ``(batch, rows, size)``.
        image: What is seen of each study.
        cache: The word decoder's weights for decoding.
        exists: Which sentences exist ``(batch, rows)``; the others stay empty.
        sampling: How words are chosen.
        keep_attention: Whether to return the attention.
        guidance: What is known of the findings, for the first word.
        given: Words to write instead of choosing any, for their attention ``(batch, rows, words)``.

    Returns:
        Word ids with sentence ends, padded ``(batch, rows, words)``, and the attention
        ``(batch, rows, words, K + 1)`` or None.
    """
    context = cache.context_gates(topics, image)
    word = torch.full(exists.shape, Vocabulary.bos_id, device=exists.device)
    ended, state = ~exists, None
    longest_allowed = model.config.max_words if given is None else given.shape[-1]
    shape = (*exists.shape, longest_allowed)
    generated = torch.full(shape, Vocabulary.pad_id, device=exists.device)
    maps = topics.new_zeros(*shape, image.keys.shape[1] + 1) if keep_attention else None
    running = torch.arange(len(exists), device=exists.device)  # studies with sentences that go on
    longest = 0
    while longest < longest_allowed:
        logits, attention, state = model.word_decoder.step(word, context, cache, image, state)
        if guidance is not None and longest == 0:
            logits = guidance.guide(logits)
        chosen = (
            sampling.words(logits, word, model.word_decoder) if given is None else given[running, :, longest]
        )
        word = chosen.masked_fill(ended, Vocabulary.pad_id)
        generated[running, :, longest] = word
        if maps is not None:
            maps[running, :, longest] = attention.masked_fill(ended.unsqueeze(-1), 0.0)
        longest += 1
        ended = ended | (word == Vocabulary.eos_id)
        on = (~ended).any(dim=1).nonzero().squeeze(1)
        if len(on) == 0:
            break
        if len(on) <= STAYING * len(running):
            running, word, ended, context = running[on], word[on], ended[on], context[on]
            image, sampling, state = (
                image.of(on),
                sampling.of(on),
                DecoderState(*(part[on] for part in state)),
            )
    return generated[..., :longest], None if maps is None else maps[:, :, :longest]


def beam_search(
    model: ReportGenerator,
    topics: Tensor,
    image: ImageContext,
    cache: DecoderStepCache,
    exists: Tensor,
    beams: int,
    guidance: Guidance | None = None,
    finish_all: bool = False,
) -> tuple[Tensor, Tensor]:
    """Search each sentence for the likeliest wordings; studies whose search is over drop out.

    Args:
        model: The generator.
        topics: ``(batch, rows, size)``.
        image: What is seen of each study.
        cache: The word decoder's weights for decoding.
        exists: Which sentences exist ``(batch, rows)``.
        beams: Hypotheses kept per sentence.
        guidance: What is known of the findings, for the first word.
        finish_all: Whether to search until all hypotheses have ended, and not only the likeliest.

    Returns:
        Word ids with sentence ends, padded, the likeliest sentence first ``(batch, rows, beams, words)``, and
        their log-probabilities ``(batch, rows, beams)``, minus infinity where there are fewer sentences.
    """
    batch, rows = exists.shape
    context = cache.context_gates(topics, image).repeat_interleave(beams, dim=1)
    # One beam at first: all would begin alike. (batch, rows, beams)
    scores = topics.new_full((batch, rows, beams), -math.inf)
    scores[..., 0] = 0.0
    word = torch.full((batch, rows, beams), Vocabulary.bos_id, device=exists.device)
    ended = (~exists).unsqueeze(-1).expand(-1, -1, beams)
    words = word.new_zeros(batch, rows, beams, 0)
    state = None
    found = word.new_full((batch, rows, beams, model.config.max_words), Vocabulary.pad_id)
    found_scores = scores.clone()
    running = torch.arange(batch, device=exists.device)  # studies with sentences that are searched
    for longest in range(1, model.config.max_words + 1):
        logits, _, state = model.word_decoder.step(word.flatten(1), context, cache, image, state)
        if guidance is not None and words.shape[-1] == 0:
            logits = guidance.guide(logits)
        logits = model.word_decoder.well_formed(logits, word.flatten(1))
        log = torch.log_softmax(logits, dim=-1).view(*ended.shape, -1)
        # An ended hypothesis goes on with padding alone, at no cost.
        log = log.masked_fill(ended.unsqueeze(-1), -math.inf)
        log[..., Vocabulary.pad_id] = log[..., Vocabulary.pad_id].masked_fill(ended, 0.0)
        scores, best = (scores.unsqueeze(-1) + log).flatten(2).topk(beams, dim=-1)
        parent, word = best // log.shape[-1], best % log.shape[-1]
        words = torch.cat([_of_parents(words, parent), word.unsqueeze(-1)], dim=-1)
        ended = ended.gather(2, parent) | (word == Vocabulary.eos_id)
        state = DecoderState(*(_of_parents(s.view(*ended.shape, -1), parent).flatten(1, 2) for s in state))
        # Scores only fall, so a best hypothesis that has ended stays the best.
        over = (ended if finish_all else ended[..., :1]).flatten(1).all(dim=1)
        on = (~over).nonzero().squeeze(1)
        if len(on) <= STAYING * len(running) or longest == model.config.max_words:
            found[running, ..., :longest], found_scores[running] = words, scores
            if len(on) == 0:
                break
            running, word, words, scores = running[on], word[on], words[on], scores[on]
            ended, context, image = ended[on], context[on], image.of(on)
            state = DecoderState(*(part[on] for part in state))
    require_finite(found_scores[..., 0], WORD_LOGITS)
    return found[..., :longest], found_scores


def _of_parents(values: Tensor, parent: Tensor) -> Tensor:
    """Pick ``(batch, rows, beams, n)`` values of each new hypothesis's parent ``(batch, rows, beams)``."""
    return values.gather(2, parent.unsqueeze(-1).expand(-1, -1, -1, values.shape[-1]))
