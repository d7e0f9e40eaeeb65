"""What is known of an image's findings before its report is written, and how it constrains the decoder.

With decided findings the decoder chooses only order and wording; evidence is added to its own logits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from coherent_cxr.reports.finding_tokens import finding_token_of
from coherent_cxr.reports.vocabulary import Vocabulary


class Guidance(Protocol):
    """What guides the token that a sentence begins with, and when a report may end."""

    @property
    def unfinished(self) -> Tensor:
        """Reports that may not end yet ``(batch,)``."""

    def guide(self, logits: Tensor) -> Tensor:
        """Return the logits of a sentence's first word ``(batch, rows, vocabulary)``, changed."""

    def after(self, first_words: Tensor) -> Guidance:
        """Return what guides the next sentence, after those that begin with these words ``(batch,)``."""

    def of(self, chosen: Tensor) -> Guidance:
        """Return the guidance of some reports of the batch, by index ``(reports,)``."""


@dataclass(frozen=True)
class DecidedFindings:
    """Findings that each report still has to affirm, by the token in front of the sentence that does.

    A report writes a sentence for each of them first, in the order that the decoder finds likeliest. Only
    then may it write sentences that affirm nothing, and end.

    Attributes:
        missing: Tokens that are still to be written ``(batch, vocabulary)``.
        tokens: All tokens of findings ``(vocabulary,)``; one that was not decided is never written.
    """

    missing: Tensor
    tokens: Tensor

    @classmethod
    def of_labels(cls, vocabulary: Vocabulary, called: Mapping[str, Tensor]) -> DecidedFindings:
        """Take decisions by observation.

        Args:
            vocabulary: Its finding tokens.
            called: Whether each study shows an observation ``(batch,)``; those without a token, as "No
                Finding", say nothing here.

        Raises:
            ValueError: If the vocabulary has no finding tokens, or none of them has a decision.
        """
        known = finding_tokens(vocabulary, called)
        some = next(iter(called.values()))
        missing = torch.zeros(len(some), len(vocabulary), dtype=torch.bool, device=some.device)
        tokens = torch.zeros(len(vocabulary), dtype=torch.bool, device=some.device)
        for name, token in known.items():
            missing[:, token] = called[name]
            tokens[token] = True
        return cls(missing, tokens)

    @property
    def unfinished(self) -> Tensor:
        """Whether a finding is still to be written ``(batch,)``."""
        return self.missing.any(dim=1)

    def guide(self, logits: Tensor) -> Tensor:
        """Leave the missing tokens, where there are any, or else all words but tokens of findings."""
        excluded = torch.where(self.unfinished.unsqueeze(1), ~self.missing, self.tokens)
        return logits.masked_fill(excluded.unsqueeze(1), -math.inf)

    def after(self, first_words: Tensor) -> DecidedFindings:
        """Return what is missing once sentences that begin with these words ``(batch,)`` are written."""
        generated = torch.nn.functional.one_hot(first_words, self.missing.shape[1]).bool()
        return replace(self, missing=self.missing & ~generated)

    def of(self, chosen: Tensor) -> DecidedFindings:
        """Return the same for some reports of the batch, by index ``(reports,)``."""
        return replace(self, missing=self.missing[chosen])


@dataclass(frozen=True)
class FindingEvidence:
    """How much likelier than usual each finding is, added to the logits of its token until it is written.

    Attributes:
        weight: ``(batch, vocabulary)``; 0 for words that are no finding's token.
    """

    weight: Tensor

    @classmethod
    def of_probabilities(
        cls,
        vocabulary: Vocabulary,
        probabilities: Mapping[str, Tensor],
        usual: Mapping[str, float],
        scale: float = 1.0,
    ) -> FindingEvidence:
        """Take the logarithm of the odds against the usual odds, as a naive Bayes classifier does.

        Args:
            vocabulary: Its finding tokens.
            probabilities: By observation, the probability that a study shows it ``(batch,)``.
            usual: By observation, the share of training studies that show it; 0 and 1 say nothing.
            scale: What the logarithm is multiplied by.

        Raises:
            ValueError: If the vocabulary has no finding token for any of them.
        """
        known = finding_tokens(vocabulary, probabilities)
        some = next(iter(probabilities.values()))
        weight = torch.zeros(len(some), len(vocabulary), device=some.device)
        for name, token in known.items():
            if 0 < usual[name] < 1:
                odds = torch.logit(probabilities[name].float(), eps=1e-4)
                weight[:, token] = scale * (odds - math.log(usual[name] / (1 - usual[name])))
        return cls(weight)

    @property
    def unfinished(self) -> Tensor:
        """No report: evidence never prevents the end."""
        return torch.zeros(len(self.weight), dtype=torch.bool, device=self.weight.device)

    def guide(self, logits: Tensor) -> Tensor:
        """Add the evidence."""
        return logits + self.weight.unsqueeze(1)

    def after(self, first_words: Tensor) -> FindingEvidence:
        """Drop the evidence for a finding once a sentence affirms it."""
        generated = torch.nn.functional.one_hot(first_words, self.weight.shape[1]).bool()
        return FindingEvidence(self.weight.masked_fill(generated, 0.0))

    def of(self, chosen: Tensor) -> FindingEvidence:
        """Return the same for some reports of the batch, by index ``(reports,)``."""
        return FindingEvidence(self.weight[chosen])


def finding_tokens(vocabulary: Vocabulary, names: Mapping[str, object]) -> dict[str, int]:
    """Return the ids of findings' tokens; observations without one, as "No Finding", are left out.

    Raises:
        ValueError: If the vocabulary has no finding token for any of them.
    """
    ids = {name: vocabulary.id_of(finding_token_of(name)) for name in names}
    known = {name: token for name, token in ids.items() if token is not None}
    if not known:
        raise ValueError(
            "The vocabulary has no finding token for any decided finding, so a report cannot be made to "
            "follow decisions. Set vocabulary_building.finding_tokens to true and train again, or write "
            "without decisions."
        )
    return known
