"""Step two: is a mention negative, uncertain or positive? (Irvin et al. 2019, section 2.2)

The original matches graph patterns on a dependency parse. Here the words around the mention are matched, as
classes, by the patterns of the rule file: first uncertainty that must not be read as negation, then negation,
then uncertainty, and positive when no rule applies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from coherent_cxr.chexpert.engine.alphabet import Alphabet, tokenize
from coherent_cxr.chexpert.engine.mentions import FoundMention
from coherent_cxr.chexpert.engine.patterns import Pattern, any_of, context
from coherent_cxr.chexpert.observations import NEGATIVE, POSITIVE, UNCERTAIN
from coherent_cxr.chexpert.rules.rule_set import ClauseEnds, Rule, RuleSet

NO_RULE: Final = "no rule: positive"
_CLAUSE_MARK: Final = ";"
_START: Final = "negated by the sentence's start"


class Verdict(NamedTuple):
    """The status of a mention (1, 0, -1; None: it says nothing) and the name of the rule that decided."""

    status: int | None
    rule: str


class MentionClassifier:
    """Decides the status of the mentions of a sentence.

    Args:
        rules: The rule set.
    """

    def __init__(self, rules: RuleSet) -> None:
        ordered = [rule for phase in rules.phases.values() for rule in phase]
        ends = rules.clause_ends or ClauseEnds(frozenset(), frozenset(), ())
        patterns = [pattern for rule in ordered for pattern in (*rule.patterns, *rule.unless)]
        patterns += [*ends.patterns, *ends.unless]
        literals = {word for pattern in patterns for word in pattern.literals}
        literals |= ends.near | ends.at | {_CLAUSE_MARK}
        self._alphabet = Alphabet(rules.words, literals.union(*(rule.last_words for rule in ordered)))
        self._denials, self._candidates = (
            re.compile(f"[{''.join(map(self._alphabet.letters, sorted(words)))}]" if words else "(?!)")
            for words in (ends.near, ends.at)
        )
        matched = f"(?={any_of(ends.patterns, self._alphabet)})"
        self._ends = re.compile(matched + self._guards(ends.unless, "")) if ends.patterns else None
        kinds = sorted(
            {
                (observation, term.strip())
                for observation, terms in rules.lexicon.items()
                for term in terms.mentions
            }
        )
        self._kinds = {kind: chr(0x4000 + index) for index, kind in enumerate(kinds)}
        self._verdicts = {f"r{index}": Verdict(rule.status, rule.name) for index, rule in enumerate(ordered)}
        self._starts = rules.negating_starts
        groups = "|".join(f"(?P<r{index}>{self._rule_regex(rule)})" for index, rule in enumerate(ordered))
        self._regex = re.compile(groups or "(?!)")

    def classify(self, sentence: str, mentions: Sequence[FoundMention]) -> list[Verdict]:
        """Decide the status of all mentions of one sentence.

        Args:
            sentence: A cleaned sentence.
            mentions: Its mentions, sorted by span.

        Returns:
            One verdict per mention.
        """
        if sentence.startswith(self._starts):
            return [Verdict(NEGATIVE, _START)] * len(mentions)
        tokens = tokenize(sentence)
        letters = "".join([self._alphabet.encode(token) for _, _, token in tokens])
        if self._ends is not None:
            letters = self._with_clause_marks(letters, self._ends)
        token_at = 0
        verdicts = []
        for start, end, observation, term in mentions:
            while token_at + 1 < len(tokens) and tokens[token_at][1] <= start:
                token_at += 1
            last = token_at
            while last + 1 < len(tokens) and tokens[last + 1][0] < end:
                last += 1
            around = self._kinds[observation, term] + letters[last] + context(letters, token_at, last)
            match = self._regex.match(around)
            verdicts.append(self._verdicts[match.lastgroup or ""] if match else Verdict(POSITIVE, NO_RULE))
        return _spread_inwards(mentions, verdicts) if len(mentions) > 1 else verdicts

    def _with_clause_marks(self, letters: str, ends: re.Pattern[str]) -> str:
        """Put a semicolon, over which no list reaches, where a denied list ends inside its sentence."""
        if self._denials.search(letters) is None:
            return letters
        mark = self._alphabet.encode(_CLAUSE_MARK)
        marked = list(letters)
        for candidate in self._candidates.finditer(letters):
            place = candidate.start()
            if ends.match(context(letters, place, place)):
                marked[place] = mark
        return "".join(marked)

    def _rule_regex(self, rule: Rule) -> str:
        kinds = [
            kind
            for (observation, term), kind in self._kinds.items()
            if (not rule.observations or observation in rule.observations)
            and (not rule.terms or term in rule.terms)
        ]
        if not kinds:
            return "(?!)"  # about words that this lexicon does not have
        applies = f"[{''.join(kinds)}]" if rule.observations or rule.terms else "."
        words = "".join(self._alphabet.letters(word) for word in sorted(rule.last_words))
        applies += f"[{words}]" if words else "."
        matched = f"{applies}(?:{any_of(rule.patterns, self._alphabet)})"
        # guards come last, as most rules do not match
        return f"(?={matched}){self._guards(rule.unless, '..')}" if rule.unless else matched

    def _guards(self, patterns: Sequence[Pattern], before: str) -> str:
        return f"(?!{before}(?:{any_of(patterns, self._alphabet)}))" if patterns else ""


def _spread_inwards(mentions: Sequence[FoundMention], verdicts: list[Verdict]) -> list[Verdict]:
    """Let a mention inside a longer one share its status; negation beats uncertainty, that beats positive."""
    spread = list(verdicts)
    outer: list[int] = []
    for index, (start, end, _, _) in enumerate(mentions):
        outer = [other for other in outer if mentions[other].end > start]
        for other in outer:
            if mentions[other].end >= end or mentions[other].start == start:
                long, short = (other, index) if mentions[other].end >= end else (index, other)
                if verdicts[short].status is None and mentions[long][:2] == mentions[short][:2]:
                    continue  # the same words mean something else for another observation
                spread[short] = max(spread[short], verdicts[long], key=_strength)
        outer.append(index)
    return spread


def _strength(verdict: Verdict) -> int:
    return 2 if verdict.status == NEGATIVE else 1 if verdict.status == UNCERTAIN else 0
