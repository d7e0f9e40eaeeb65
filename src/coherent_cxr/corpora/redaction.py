"""Keeping the words of reports out of logs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

WORDS = 6
MARK = "[report text removed]"
_WORD = re.compile(r"\w+")


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
        """Return a message with every known run of six words replaced by a mark."""
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
        for first, last in reversed(spans):
            message = message[: found[first].start()] + MARK + message[found[last].end() :]
        return message

    def install(self) -> None:
        """Redact every log record of this process from now on, its exception included."""
        logging.setLogRecordFactory(self._redacted_record)

    def uninstall(self) -> None:
        """Log as before."""
        logging.setLogRecordFactory(self._make_record)

    def _redacted_record(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make_record(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a message that does not fit its arguments; logging will say so
            return record
        if self.redact(message) != message:
            record.msg, record.args = self.redact(message), ()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and self.redact(str(error)) != str(error):
            record.exc_info = None
            record.msg = f"{record.getMessage()}\n{type(error).__name__}: {self.redact(str(error))}"
            record.args = ()
        return record

    def _knows(self, words: tuple[str, ...]) -> bool:
        key = hash(words)
        return all(
            self._bits[place >> 3] >> (place & 7) & 1
            for place in (key & self._last, (key >> 31) & self._last)
        )
