"""Step three: from the statuses of mentions to the labels of a report (Irvin et al. 2019, section 2.3).

What a sentence contributes is one integer with a bit per (observation, status), so that a report is the
bitwise "or" of its sentences and their order cannot matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from coherent_cxr.chexpert.observations import NEGATIVE, POSITIVE, UNCERTAIN

_SHIFT: Final[dict[int, int]] = {POSITIVE: 0, NEGATIVE: 1, UNCERTAIN: 2}


@dataclass(frozen=True)
class AggregationRules:
    """What is special about some observations.

    Attributes:
        no_finding: The observation that is positive unless another one is positive or uncertain, if any.
        not_a_finding: Observations that leave ``no_finding`` alone.
        uncertain_votes: Words of a mention, and another observation that they make uncertain unless negated.
    """

    no_finding: str | None = None
    not_a_finding: frozenset[str] = frozenset()
    uncertain_votes: Mapping[str, str] = field(default_factory=dict)


class Aggregator:
    """Joins mentions.

    Args:
        observations: The labels, in the order of the columns.
        rules: What is special about some of them.
    """

    def __init__(self, observations: tuple[str, ...], rules: AggregationRules) -> None:
        self._observations = observations
        self._rules = rules
        self._index = {name: index for index, name in enumerate(observations)}
        # few combinations of votes occur, so that deciding is mostly a look-up
        self.decide = lru_cache(maxsize=1 << 16)(self._decide)

    def vote(self, observation: str, status: int, term: str) -> int:
        """Return the bits of one mention, to be joined with others by ``|``.

        Args:
            observation: Its observation.
            status: 1, 0 or -1.
            term: Its words.
        """
        bits = 1 << (3 * self._index[observation] + _SHIFT[status])
        other = self._rules.uncertain_votes.get(term)
        if other is not None and status != NEGATIVE:
            bits |= 1 << (3 * self._index[other] + _SHIFT[UNCERTAIN])
        return bits

    def _decide(self, votes: int) -> tuple[int | None, ...]:
        """Resolve the votes of a whole report.

        Args:
            votes: The joined bits of all its mentions.

        Returns:
            One value per observation: 1, 0, -1, or None for "not mentioned". Mentions that agree decide; a
            negative and an uncertain one make the observation uncertain; otherwise a positive one wins.
        """
        labels: list[int | None] = []
        finding = False
        for index, name in enumerate(self._observations):
            positive, negative, uncertain = (votes >> (3 * index + shift) & 1 for shift in range(3))
            finding = finding or bool(name not in self._rules.not_a_finding and (positive or uncertain))
            if uncertain and (negative or not positive):
                labels.append(UNCERTAIN)
            elif positive:
                labels.append(POSITIVE)
            else:
                labels.append(NEGATIVE if negative else None)
        if self._rules.no_finding is not None:
            labels[self._index[self._rules.no_finding]] = None if finding else POSITIVE
        return tuple(labels)
