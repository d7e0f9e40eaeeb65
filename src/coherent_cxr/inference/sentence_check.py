"""Sentences against their finding tokens and against each other, by the labeller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.inference.consistency import Consistency, remember
from coherent_cxr.inference.decisions import DecidedFindings
from coherent_cxr.inference.sentence_decoding import SamplingConfig, beam_search, generate_sentences
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.word_decoder import DecoderStepCache, ImageContext
from coherent_cxr.reports.affirmed_findings import NO_FINDING
from coherent_cxr.reports.finding_tokens import NO_FINDING_TOKEN, finding_token_of
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.vocabulary import Vocabulary

CONTINUATIONS = 8
"""Continuations of a finding token to choose again among; docs/training.md has the share by number."""


def affirmed(
    labeler: CheXpertLabeler, tokens: Sequence[str], sentences: Sequence[Sequence[str]]
) -> list[bool]:
    """Tell which sentences agree with their finding token, each read as a report of its own.

    Args:
        labeler: Reads the sentences.
        tokens: The finding token in front of each sentence, as in the vocabulary.
        sentences: Words of each sentence.

    Returns:
        Whether a sentence affirms the observation of its token; of the token of sentences that affirm
        nothing, whether it affirms nothing.

    Raises:
        ValueError: If a token stands for an observation that the rule set does not know.
    """
    known = {finding_token_of(name): name for name in labeler.observations if name != NO_FINDING}
    unknown = sorted(set(tokens) - known.keys() - {NO_FINDING_TOKEN})
    if unknown:
        raise ValueError(
            f"The rule set '{labeler.name}' does not know the finding of the token '{unknown[0][:100]}'. "
            "Judge by the rule set that the generator was trained with (chexpert_labelling.rules)."
        )
    kinds = list(dict.fromkeys(tuple(sentence) for sentence in sentences))
    observations = set(known.values())
    found = {}
    for kind in kinds:  # one by one: a table of a few sentences takes ten times as long
        labels = labeler.label(detokenize([kind]))
        found[kind] = {name for name in observations if labels[name] == 1}
    return [
        not found[tuple(words)] if token == NO_FINDING_TOKEN else known[token] in found[tuple(words)]
        for token, words in zip(tokens, sentences, strict=True)
    ]


class _Read(NamedTuple):
    """Words of a sentence, and whether it agrees with its finding token or has none."""

    words: tuple[str, ...]
    agrees: bool


@dataclass(frozen=True)
class SentenceCheck:
    """Replaces a sentence that disagrees with its finding token, or with a sentence before it.

    Of the likeliest continuations of the token, the likeliest one that agrees with both is taken; the
    sentence stays as it is where none does. A sentence that denies what another one affirms is left out of
    the finished report.

    Attributes:
        vocabulary: Words and finding tokens of the generator.
        labeler: Reads the sentences; of the rule set that the finding tokens were taught by.
        continuations: Continuations to choose among, at least 1.
        deny_once: Whether a sentence that denies a finding again is replaced, too.
    """

    vocabulary: Vocabulary
    labeler: CheXpertLabeler
    continuations: int = CONTINUATIONS
    deny_once: bool = False

    def __post_init__(self) -> None:
        if self.continuations < 1:
            raise ValueError(f"continuations is {self.continuations}; it must be at least 1.")

    @cached_property
    def _known(self) -> dict[tuple[int, ...], _Read]:
        return {}

    @cached_property
    def _consistency(self) -> Consistency:
        return Consistency(self.labeler)

    def confirms(self, sentences: Sequence[Sequence[int]]) -> list[bool]:
        """Tell which sentences may stay: those that agree with their token, or have no token.

        Args:
            sentences: Word ids, the finding token first; ends and padding are passed over.
        """
        return [self._read(sentence).agrees for sentence in sentences]

    def consistent(
        self, sentences: Sequence[Sequence[int]], before: Sequence[Sequence[Sequence[int]]]
    ) -> list[bool]:
        """Tell which sentences contradict none before them, nor deny again what one before them denies.

        Args:
            sentences: Word ids of each sentence.
            before: Word ids of the sentences before each.
        """
        return [
            self._fits([self._words(other) for other in earlier], self._words(sentence))
            for sentence, earlier in zip(sentences, before, strict=True)
        ]

    def _fits(self, before: Sequence[Sequence[str]], sentence: Sequence[str]) -> bool:
        again = self.deny_once and self._consistency.repeats_denial(before, sentence)
        return not again and not self._consistency.contradicts(before, sentence)

    def denials(self, report: Sequence[Sequence[int]]) -> set[int]:
        """Return the places of a report's sentences that deny what another one affirms."""
        return self._consistency.denials([self._words(sentence) for sentence in report])

    def without_denials(
        self, reports: TargetReports, attention: Tensor | None
    ) -> tuple[TargetReports, Tensor | None]:
        """Leave out sentences that deny what another one of the same report affirms.

        Args:
            reports: Finished reports.
            attention: Their attention ``(batch, sentences, words, K + 1)``, if it was kept.

        Returns:
            Reports and attention of the same shape.
        """
        words, sentences = reports.words.clone(), reports.sentences.clone()
        attention = None if attention is None else attention.clone()
        for place, report in enumerate(reports.words.tolist()):
            count = int(sentences[place])
            denials = self.denials(report[:count])
            kept = [row for row in range(count) if row not in denials]
            sentences[place] = len(kept)
            for values in (words, attention):
                if values is not None and denials:
                    values[place, : len(kept)] = values[place, kept]
                    values[place, len(kept) :] = 0  # padding
        return TargetReports(words, sentences, reports.stopped), attention

    def _has_token(self, sentence: Sequence[int]) -> bool:
        return len(sentence) > 0 and sentence[0] in self.vocabulary.finding_token_ids

    def _words(self, sentence: Sequence[int]) -> tuple[str, ...]:
        """Return the words of ids: without ends, padding and finding token."""
        return self._read(sentence).words

    def _read(self, sentence: Sequence[int]) -> _Read:
        if Vocabulary.eos_id in sentence:  # what follows an end is padding
            ids = tuple(sentence[: sentence.index(Vocabulary.eos_id)])
        else:
            ids = tuple(i for i in sentence if i != Vocabulary.pad_id)
        found = self._known.get(ids)
        if found is None:
            words, token = self.vocabulary.decode(ids), self.vocabulary.finding_token_of(ids)
            agrees = not token or affirmed(self.labeler, [token], [words])[0]
            found = _Read(tuple(words), agrees)
            remember(self._known, ids, found)
        return found

    def replace_unconfirmed(
        self,
        model: ReportGenerator,
        words: Tensor,
        attention: Tensor | None,
        topics: Tensor,
        image: ImageContext,
        cache: DecoderStepCache,
        exists: Tensor,
        before: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Replace sentences that disagree with their token, or with one before them.

        Args:
            model: The generator.
            words: Generated word ids ``(batch, rows, words)``.
            attention: Its attention ``(batch, rows, words, K + 1)``, if it was kept.
            topics: ``(batch, rows, size)``.
            image: What is seen of each study.
            cache: The word decoder's weights for decoding.
            exists: Which sentences there are ``(batch, rows)``.
            before: Word ids of the sentences before them ``(batch, sentences, words)``; None where all are
                written at once.

        Returns:
            Words and attention; where no sentence was replaced, those given.
        """
        places = exists.nonzero()  # (sentences, 2)
        earlier = [[]] * len(exists) if before is None else before.tolist()

        def stay(sentences: list[list[int]], of_report: Tensor) -> list[bool]:
            agree = self.consistent(sentences, [earlier[report] for report in of_report.tolist()])
            return [a and b for a, b in zip(self.confirms(sentences), agree, strict=True)]

        confirmed = stay(words[exists].tolist(), places[:, 0])
        with_token = [self._has_token(sentence) for sentence in words[exists].tolist()]
        places = places[[place for place, good in enumerate(confirmed) if not good and with_token[place]]]
        if not len(places):
            return words, attention
        report, row = places.unbind(dim=1)
        alone, seen = topics[report, row].unsqueeze(1), image.of(report)
        token = torch.nn.functional.one_hot(words[report, row, 0], len(self.vocabulary)).bool()
        same_token = DecidedFindings(token, token.any(dim=0))
        exists_alone = torch.ones(len(report), 1, dtype=torch.bool, device=words.device)
        found, scores = beam_search(
            model, alone, seen, cache, exists_alone, self.continuations, same_token, finish_all=True
        )
        found, scores = found.squeeze(1), scores.squeeze(1)  # (sentences, continuations, words)
        of_report = report.repeat_interleave(self.continuations)
        stays = torch.tensor(stay(found.flatten(0, 1).tolist(), of_report), device=words.device)
        stays = stays.view(scores.shape) & scores.isfinite()
        replaced = stays.any(dim=1)
        likeliest = stays.int().argmax(dim=1)  # continuations stand by falling probability
        chosen = found[torch.arange(len(found), device=words.device), likeliest][replaced]
        report, row = report[replaced], row[replaced]
        if not len(report):
            return words, attention
        # continuations that were not taken may be longer
        chosen = chosen[:, : int((chosen != Vocabulary.pad_id).sum(dim=1).max())]
        words = _replaced(words, chosen, report, row)
        if attention is not None:
            _, maps = generate_sentences(
                model,
                alone[replaced],
                seen.of(replaced),
                cache,
                exists_alone[replaced],
                SamplingConfig(draws=False),
                keep_attention=True,
                given=chosen.unsqueeze(1),
            )
            assert maps is not None
            attention = _replaced(attention, maps.squeeze(1), report, row)
        return words, attention


def _replaced(values: Tensor, new: Tensor, report: Tensor, row: Tensor) -> Tensor:
    """Put sentences ``(sentences, words, ...)`` into some places of ``(batch, rows, words, ...)``."""
    shape = list(values.shape)
    shape[2] = max(values.shape[2], new.shape[1])
    wider = values.new_zeros(shape)  # zero is padding
    wider[:, :, : values.shape[2]] = values
    wider[report, row] = 0
    wider[report, row, : new.shape[1]] = new
    return wider
