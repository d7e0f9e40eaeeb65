"""Protocols: which tokens language metrics compare. Numbers of two protocols are not comparable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

from coherent_cxr.evaluation.metrics.meteor import java_is_there
from coherent_cxr.evaluation.metrics.r2gen import R2GenConfig, R2GenTokens

Protocol = Literal["house", "ptb", "r2gen"]

IN_WORDS: Final[dict[Protocol, str]] = {
    "house": "tokens of this project (lower case; full stops and commas are tokens)",
    "ptb": "tokens of the Penn Treebank tokeniser of pycocoevalcap (lower case, no punctuation)",
    "r2gen": "tokens of R2Gen (lower case, of all punctuation only full stops, rare training words as <unk>, "
    "both sides cut after its longest report)",
}
"""What each protocol compares."""


class ProtocolError(RuntimeError):
    """A protocol that cannot be used here; the message says what it needs."""


class Reports(NamedTuple):
    """The same reports twice.

    Attributes:
        tokens: This project's tokens and full stops, separated by blanks.
        readable: As a reader gets them, for protocols that have a tokeniser of their own.
    """

    tokens: Sequence[str]
    readable: Sequence[str]


def column_name(name: str, protocol: Protocol) -> str:
    """Return the name of a language metric under a protocol: "BLEU-4" in house tokens, "BLEU-4, r2gen"."""
    return name if protocol == "house" else f"{name}, {protocol}"


Tokenizer = Callable[[Reports], list[str]]


def tokenizer(protocol: Protocol, r2gen: R2GenConfig, training: Sequence[str]) -> Tokenizer:
    """Return what brings reports of either side into a protocol's tokens, separated by blanks.

    Args:
        protocol: Which tokens.
        r2gen: Settings of the protocol of that name.
        training: Readable reports of the training split, from which ``r2gen`` takes its words.

    Raises:
        ProtocolError: If ``ptb`` is asked for without Java, or ``r2gen`` without training reports.
    """
    if protocol == "house":
        return lambda reports: list(reports.tokens)
    if protocol == "ptb":
        return _penn_treebank
    if not training:
        raise ProtocolError(
            "The protocol 'r2gen' writes <unk> for words that are rare in the training reports, so it needs "
            "these: give them (--training), or leave the protocol out."
        )
    tokens = R2GenTokens.of(r2gen, training)
    return lambda reports: [tokens(report) for report in reports.readable]


def _penn_treebank(reports: Reports) -> list[str]:
    if not java_is_there():
        raise ProtocolError(
            "The protocol 'ptb' runs the Penn Treebank tokeniser, which needs Java, and there is no java "
            "command. Install a Java runtime, or take 'ptb' out of evaluation.protocols (--protocol)."
        )
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    # one line per report: what Java takes for a line end would move every report after it
    lines = [" ".join(text.split()) or "." for text in reports.readable]
    captions = {number: [{"caption": line}] for number, line in enumerate(lines)}
    split = PTBTokenizer().tokenize(captions)
    return [split[number][0] for number in range(len(lines))]
