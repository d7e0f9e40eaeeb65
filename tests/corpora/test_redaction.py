"""No six words of a report in a row reach a log, and everything else does."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.corpora.redaction import MARK, TextGuard

REPORT = "The heart is of normal size and both of the lungs are clear."


@pytest.fixture
def guard() -> Iterator[TextGuard]:
    guard = TextGuard(10)
    guard.learn([REPORT, None, 3.0, "Too short to know."])
    guard.install()
    yield guard
    guard.uninstall()


def test_known_runs_are_cut_out_and_the_rest_stays(guard: TextGuard) -> None:
    assert guard.redact("The heart is of normal.") == "The heart is of normal."
    assert guard.redact(f"Row 7: '{REPORT}' is odd.") == f"Row 7: '{MARK}.' is odd."
    assert guard.redact("x HEART,\nis of normal size and y") == f"x {MARK} y"
    twice = "both of the lungs are clear but the heart is of normal size"
    assert guard.redact(twice) == f"{MARK} but {MARK}"
    assert guard.redact("Too short to know.") == "Too short to know."


@pytest.mark.parametrize(
    "say",
    [
        lambda log: log.warning("bad value %r in row %d", REPORT, 3),
        lambda log: log.warning(f"bad value {REPORT!r} in row 3"),
        lambda log: log.getChild("deep").error("%s", {"text": REPORT}),
    ],
)
def test_messages_and_arguments(guard: TextGuard, caplog: pytest.LogCaptureFixture, say: object) -> None:
    say(logging.getLogger("anyone"))  # type: ignore[operator]
    assert MARK in caplog.text
    assert "normal size" not in caplog.text


def test_exceptions(guard: TextGuard, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("anyone")
    for message in (REPORT, "an ordinary message"):
        try:
            raise ValueError(message)
        except ValueError:
            log.exception("failed")
    assert "normal size" not in caplog.text
    assert f"ValueError: {MARK}" in caplog.text
    assert "an ordinary message" in caplog.text
    assert caplog.text.count("failed") == 2


def test_messages_that_do_not_fit_are_left_to_logging(guard: TextGuard) -> None:
    record = logging.getLogRecordFactory()("a", 30, "f", 1, "%d", ("no number",), None)
    assert record.msg == "%d"


def test_what_was_logged_before_is_logged_after() -> None:
    factory = logging.getLogRecordFactory()
    guard = TextGuard(1)
    guard.install()
    guard.uninstall()
    assert logging.getLogRecordFactory() == factory


@given(st.lists(st.sampled_from("abcdefgh"), min_size=6, max_size=40), st.integers(0, 30))
def test_nothing_learnt_is_ever_missed(words: list[str], start: int) -> None:
    guard = TextGuard(1)
    guard.learn([" ".join(words)])
    piece = " ".join(words[start : start + 6])
    assert (MARK in guard.redact(f"XX {piece} YY")) == (len(piece.split()) == 6)
