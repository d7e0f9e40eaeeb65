"""The time of every function that reads open text grows linearly with the text, whatever it says.

``COHERENT_CXR_LONGEST_TEXT=1000000`` asks for texts of that many letters; the suite has time for less.
"""

from __future__ import annotations

import gc
import math
import os
import re
import time
from collections.abc import Callable, Iterator

import pytest

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.corpora.quality.redaction import TextGuard
from coherent_cxr.corpora.sections.sectioning import Sectioner
from coherent_cxr.inputs.tables.null_words import is_null
from coherent_cxr.inputs.text.layout import as_prose
from coherent_cxr.reports.text import clean_text, detokenize, metric_text, tokenize_findings

LONGEST = int(os.environ.get("COHERENT_CXR_LONGEST_TEXT", 16_000))
TIMES_SHORTER = 8
EXPONENT = 1.1
UNITS = [
    *(
        "a",
        "X",
        "_",
        "-",
        " ",
        "\n",
        ".",
        "1.",
        "&#1",
        "a-",
        "a.",
        "a. ",
        "1. ",
        "A. ",
        "..",
        ". . ",
        "! ",
        "? ",
    ),
    *(
        "a/",
        "and/or ",
        "<",
        "<a",
        "<br>",
        "\\n",
        '") ',
        "((",
        "e\u0300\u0316",
        "\u0300\u0316",
        "…",
        "ﬃ",
        "\x00",
    ),
    *(
        "\ud800",
        "a\n",
        "A\n",
        "- a\n",
        "• a ",
        "1. A ",
        "| ",
        "|---|\n",
        "a:\n",
        "A: ",
        "FINDINGS ",
        "FINDINGS:\n",
    ),
    *(
        "FINDINGS: a ",
        "WET READ ",
        "view ",
        "dr. ",
        "p.m. ",
        "x-ray No ",
        "no evidence of:\n- a\n",
        "No a\nRight b\n",
    ),
    *("no ", "no, ", "effusion ", "no effusion, mild ", "no effusion and ", "effusion: none ", "effusion - "),
    *(
        "small effusion, ",
        "effusion is not ",
        "mass massive ",
        "the heart size and , ",
        "may be , ",
        "abc defg ",
    ),
    *("no effusion or ", "the heart xxxx a ", ", . ", "\t\n"),
]
"""Repeated, each of these is a text that some pattern could read in more than one way."""

LABELER = CheXpertLabeler("corrected", cache_size=0)
SECTIONER = Sectioner()


def tokens_and_back(text: str) -> None:
    metric_text(tokenize_findings(detokenize(tokenize_findings(text).tokens)).tokens)


def redacted(text: str) -> None:
    guard = TextGuard(1)
    guard.learn([text[: len(text) // 2], "six words that this text knows"])
    guard.redact(text)
    guard.redact("six words that this text knows, " * (len(text) // 32))


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "label": LABELER.label,
    "explain": LABELER.explain,
    "label, original": CheXpertLabeler(cache_size=0).label,
    "clean": clean_text,
    "tokenise": tokens_and_back,
    "prose": as_prose,
    "sections": SECTIONER.split,
    "redact": redacted,
    "null": is_null,
}
ALL_UNITS = {"label", "tokenise", "sections"}
"""Between them they call what the others do."""


def exponent(function: Callable[[str], object], unit: str) -> float:
    """How the time grows with the length.

    Where it looks steep, longer texts decide: what a processor's caches add fades there.
    """
    least = math.inf
    for longest in (LONGEST, 4 * LONGEST):
        least = min(least, exponent_at(longest, function, unit))
        if least <= EXPONENT:
            break
    return least


def exponent_at(longest: int, function: Callable[[str], object], unit: str) -> float:
    """The least of a few measurements up to ``longest`` letters, as the clock is noisy.

    From the second on as much work is timed on short texts as on a long one: a busy machine slows both alike.
    """
    long, short = (unit * max(1, length // len(unit)) for length in (longest, longest // TIMES_SHORTER))
    least = math.inf
    for calls in (1, *[TIMES_SHORTER] * 6):
        times = seconds(function, long, 1) / seconds(function, short, calls)
        least = min(least, math.log(times) / math.log(len(long) / len(short)))
        if least <= EXPONENT:
            break
    return least


def seconds(function: Callable[[str], object], text: str, calls: int) -> float:
    """Processor time of one call, over several; at least ten microseconds."""
    begin = time.process_time()
    for _ in range(calls):
        function(text)
    return max(1e-5, (time.process_time() - begin) / calls)


@pytest.fixture(autouse=True)
def _no_garbage_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.slow
def test_time_grows_linearly(name: str) -> None:
    """A few seconds for each, as a pattern that hangs does so on a single kind of text."""
    few = name not in ALL_UNITS and "COHERENT_CXR_LONGEST_TEXT" not in os.environ
    units = UNITS[::4] if few else UNITS
    steep = {unit: e for unit in units if (e := exponent(FUNCTIONS[name], unit)) > EXPONENT}
    assert steep == {}


def test_the_measure_finds_a_quadratic_pattern() -> None:
    assert exponent(lambda text: re.search("a*b", text[: len(text) // 8]), "a") > EXPONENT


def test_a_long_word_does_not_hang_the_tokeniser() -> None:
    assert tokenize_findings("a" * 200_000).tokens == [["a" * 200_000]]
    assert tokenize_findings("a-" * 100_000 + " No edema.").sentences[-1].endswith("No edema.")
    assert tokenize_findings("&#" + "1" * 10_000 + "; Clear.").sentences[-1].endswith("Clear.")
