"""Which tokens language metrics compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from coherent_cxr.evaluation.meteor import java_is_there

Tokenization = Literal["house", "ptb"]

IN_WORDS = {
    "house": "tokens of this project (lower case, punctuation and full stops are tokens)",
    "ptb": "tokens of the Penn Treebank tokeniser of pycocoevalcap (lower case, no punctuation)",
}


class JavaMissingError(RuntimeError):
    """A setting that needs Java on a machine without it."""


def tokenized(texts: Sequence[str], how: Tokenization) -> list[str]:
    """Bring texts into the tokens that metrics compare.

    Args:
        texts: Reports as :func:`~coherent_cxr.reports.text.metric_text` writes them.
        how: ``house`` keeps them; ``ptb`` sends them through the tokeniser that most captioning papers use.

    Raises:
        JavaMissingError: If ``ptb`` is asked for and there is no Java.
    """
    if how == "house":
        return list(texts)
    if not java_is_there():
        raise JavaMissingError(
            "The setting evaluation.tokenization is 'ptb', whose tokeniser needs Java, and there is no java "
            "command. Install a Java runtime, or set it to 'house'."
        )
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = {number: [{"caption": text or "."}] for number, text in enumerate(texts)}
    split = PTBTokenizer().tokenize(captions)
    return [split[number][0] for number in range(len(texts))]
