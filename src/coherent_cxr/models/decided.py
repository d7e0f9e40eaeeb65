"""Findings that were decided before a report is written, and what that leaves the decoder to choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from coherent_cxr.reports.finding_marks import mark_of
from coherent_cxr.reports.vocabulary import Vocabulary


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
        ids = {name: vocabulary.id_of(mark_of(name)) for name in called}
        known = {name: token for name, token in ids.items() if token is not None}
        if not known:
            raise ValueError(
                "The vocabulary has no finding token for any decided finding, so a report cannot be made to "
                "follow decisions. Set vocabulary_building.finding_marks to true and train again, or write "
                "without decisions."
            )
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

    @property
    def excluded(self) -> Tensor:
        """Words that the next sentence may not begin with ``(batch, vocabulary)``."""
        return torch.where(self.unfinished.unsqueeze(1), ~self.missing, self.tokens)

    def after(self, first_words: Tensor) -> DecidedFindings:
        """Return what is missing once sentences that begin with these words ``(batch,)`` are written."""
        written = torch.nn.functional.one_hot(first_words, self.missing.shape[1]).bool()
        return replace(self, missing=self.missing & ~written)

    def of(self, chosen: Tensor) -> DecidedFindings:
        """Return the same for some reports of the batch, by index ``(reports,)``."""
        return replace(self, missing=self.missing[chosen])
