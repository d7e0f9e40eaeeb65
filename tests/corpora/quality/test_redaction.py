"""No six words of a report in a row reach a log, and everything else does."""

import io
import logging
import subprocess
import sys
import traceback
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.logging import RichHandler

from coherent_cxr.corpora.openi.loader import CorpusError
from coherent_cxr.corpora.quality.redaction import MARK, WITHHELD, TextGuard, withhold_messages

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


@pytest.mark.parametrize("joint", ["_", "__", "-", ".", "/", " _ ", "\t", "\u2028"])
def test_words_are_known_whatever_stands_between_them(guard: TextGuard, joint: str) -> None:
    name = joint.join(REPORT.rstrip(".").split())
    assert guard.redact(f"/out/{name}.png") == f"/out/{MARK}.png"


def test_marks_of_missing_words_neither_hide_nor_make_a_run() -> None:
    guard = TextGuard(1)
    guard.learn(["The ___ heart is of normal size ___ today."])
    assert guard.redact("THE HEART IS OF NORMAL SIZE") == MARK
    assert guard.redact("x ___ ___ ___ ___ ___ ___ y") == "x ___ ___ ___ ___ ___ ___ y"


@pytest.mark.parametrize(
    "say",
    [
        lambda log: log.warning("bad value %r in row %d", REPORT, 3),
        lambda log: log.warning(f"bad value {REPORT!r} in row 3"),
        lambda log: log.getChild("deep").error("%s", {"text": REPORT}),
    ],
)
def test_messages_and_arguments(guard: TextGuard, caplog: pytest.LogCaptureFixture, say: object) -> None:
    say(logging.getLogger("anyone"))
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
    assert caplog.text.count("in test_exceptions\n    raise ValueError(message)") == 2


def test_brackets_of_a_redacted_record_are_no_markup(guard: TextGuard) -> None:
    screen = io.StringIO()
    handler = RichHandler(console=Console(file=screen, width=300), markup=True)
    record = logging.getLogRecordFactory()("a", 30, "f", 1, f"[/path] {REPORT} [red]", (), None)
    handler.emit(record)
    assert f"[/path] {MARK}. [red]" in screen.getvalue()


def _chained() -> Exception:
    try:
        try:
            raise KeyError({"text": REPORT})
        except KeyError as error:
            odd = ValueError("row", 3, [REPORT])
            odd.add_note(f"Seen in {REPORT}")
            raise ExceptionGroup("several", [odd, OSError(2, "No such file", REPORT)]) from error
    except ExceptionGroup as error:
        error.text = f"said {REPORT}"  # type: ignore[attr-defined]
        return error


def test_all_that_led_to_an_exception_is_redacted_in_place(guard: TextGuard) -> None:
    error = _chained()
    assert "normal size" in "".join(traceback.format_exception(error))
    guard.redact_error(error)
    shown = "".join(traceback.format_exception(error))
    assert "ValueError: ('row', 3, " in shown
    assert f"Seen in {MARK}" in shown
    assert error.text == f"said {MARK}."  # type: ignore[attr-defined]
    assert f"No such file: '{MARK}.'" in shown
    assert "normal size" not in shown


def test_unknown_text_is_withheld_but_for_our_own_sentences_and_the_systems() -> None:
    error = ValueError("text")
    error.__cause__ = CorpusError("There is no folder.")
    error.__cause__.__context__ = FileNotFoundError(2, "No such file", "a.zip")
    withhold_messages(error)
    shown = "".join(traceback.format_exception(error))
    assert f"ValueError: {WITHHELD}" in shown
    assert "There is no folder." in shown
    assert "No such file" in shown


def test_a_traceback_that_ends_the_process_is_redacted() -> None:
    script = f"""
from coherent_cxr.corpora.quality.redaction import TextGuard
guard = TextGuard(1)
guard.learn([{REPORT!r}])
guard.install()
def stumble(text):
    raise ValueError("odd: " + text)
stumble({REPORT.upper()!r})
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert f"line 7, in stumble\nValueError: odd: {MARK}." in answer.stderr


def test_messages_that_do_not_fit_are_left_to_logging(guard: TextGuard) -> None:
    record = logging.getLogRecordFactory()("a", 30, "f", 1, "%d", ("no number",), None)
    assert record.msg == "%d"


def test_what_was_logged_before_is_logged_after() -> None:
    factory, shown = logging.getLogRecordFactory(), sys.excepthook
    guard = TextGuard(1)
    guard.install()
    guard.uninstall()
    assert logging.getLogRecordFactory() == factory
    assert sys.excepthook == shown


@given(st.lists(st.sampled_from("abcdefgh"), min_size=6, max_size=40), st.integers(0, 30))
def test_nothing_learnt_is_ever_missed(words: list[str], start: int) -> None:
    guard = TextGuard(1)
    guard.learn([" ".join(words)])
    piece = " ".join(words[start : start + 6])
    assert (MARK in guard.redact(f"XX {piece} YY")) == (len(piece.split()) == 6)
