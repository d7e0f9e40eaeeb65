"""Keeping the words of reports out of logs and tracebacks."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

WORDS = 6
MARK = "[report text removed]"
WITHHELD = "[message withheld, as it may quote a report]"
_WORD = re.compile(r"[^\W_]+")  # a text that became a name has "_" for its blanks


class TextGuard:
    """Knows every run of six words of some texts and cuts such runs out of log messages.

    Runs are kept as hashes in a bit field (a Bloom filter): no text is stored, none learnt is missed, and
    about one other run in a thousand is cut out too when it has learnt all of MIMIC-CXR.

    Args:
        texts_expected: For how many reports it is laid out; 128 MB for more than 5,000, else 1 MB.
    """

    def __init__(self, texts_expected: int) -> None:
        self._bits = bytearray(1 << (27 if texts_expected > 5000 else 20))
        self._last = len(self._bits) * 8 - 1
        self._make_record = logging.getLogRecordFactory()
        self._show_error = sys.excepthook

    def learn(self, texts: Iterable[object]) -> None:
        """Remember all runs of six words; values that are no text are passed over."""
        bits, last = self._bits, self._last
        for text in texts:
            words = _WORD.findall(text.lower()) if isinstance(text, str) else ()
            for start in range(len(words) - WORDS + 1):
                key = hash(tuple(words[start : start + WORDS]))
                for place in (key & last, (key >> 31) & last):
                    bits[place >> 3] |= 1 << (place & 7)

    def redact(self, message: str) -> str:
        """Return a message with every known run of six words replaced by a placeholder."""
        found = list(_WORD.finditer(message))
        known = [
            start
            for start in range(len(found) - WORDS + 1)
            if self._knows(tuple(match.group().lower() for match in found[start : start + WORDS]))
        ]
        spans: list[list[int]] = []  # first and last word of what is cut out
        for start in known:
            if spans and start <= spans[-1][1] + 1:
                spans[-1][1] = start + WORDS - 1
            else:
                spans.append([start, start + WORDS - 1])
        kept, after = [], 0
        for first, last in spans:
            kept += [message[after : found[first].start()], MARK]
            after = found[last].end()
        return "".join([*kept, message[after:]])

    def redact_error(self, error: BaseException) -> None:
        """Redact messages, notes and text attributes of an exception and of all that led to it, in place."""
        for raised in _chain(error):
            _replace_texts(raised, self.redact)
            notes = getattr(raised, "__notes__", [])
            notes[:] = map(self.redact, notes)

    def install(self) -> None:
        """Redact every log record and the traceback that ends this process from now on."""
        logging.setLogRecordFactory(self._redacted_record)
        sys.excepthook = self._show_redacted

    def uninstall(self) -> None:
        """Log and end as before."""
        logging.setLogRecordFactory(self._make_record)
        if sys.excepthook == self._show_redacted:
            sys.excepthook = self._show_error

    def _show_redacted(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        shown = "".join(traceback.format_exception(kind, error, trace))
        if self.redact(shown) == shown:
            self._show_error(kind, error, trace)
        else:
            sys.stderr.write(self.redact(shown))

    def _redacted_record(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make_record(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a message that does not fit its arguments; logging will say so
            return record
        if self.redact(message) != message:
            record.msg, record.args = self.redact(message), ()
            record.__class__ = _PlainRecord
        if record.exc_info and record.exc_info[1]:
            shown = "".join(traceback.format_exception(record.exc_info[1]))
            if self.redact(shown) != shown:
                record.exc_info, record.exc_text = None, self.redact(shown)
                record.__class__ = _PlainRecord
        return record

    def _knows(self, words: tuple[str, ...]) -> bool:
        key = hash(words)
        return all(
            self._bits[place >> 3] >> (place & 7) & 1
            for place in (key & self._last, (key >> 31) & self._last)
        )


class _PlainRecord(logging.LogRecord):
    """A record whose square brackets are no markup to rich, which would swallow ours and trip over code."""

    markup = False


def withhold_messages(error: BaseException) -> None:
    """Replace the messages of an exception and of all that led to it, where reports are not learnt yet.

    This package's own exceptions, whose sentences quote no report, and the system's stay as they are.
    """
    for raised in _chain(error):
        ours = type(raised).__module__.split(".")[0] == __name__.split(".")[0]
        if not ours and not (isinstance(raised, OSError) and raised.errno):
            _replace_texts(raised, lambda _: WITHHELD)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    waiting, seen = [error], set()
    while waiting:
        raised = waiting.pop()
        if raised is None or id(raised) in seen:
            continue
        seen.add(id(raised))
        yield raised
        waiting += [raised.__cause__, raised.__context__]
        if isinstance(raised, BaseExceptionGroup):
            waiting += raised.exceptions


def _replace_texts(error: BaseException, replace: Callable[[str], str]) -> None:
    error.args = tuple(part if replace(str(part)) == str(part) else replace(str(part)) for part in error.args)
    if isinstance(error, OSError) and isinstance(error.filename, str):
        error.filename = replace(error.filename)
    attributes = vars(error)
    attributes.update({name: replace(value) for name, value in attributes.items() if isinstance(value, str)})
