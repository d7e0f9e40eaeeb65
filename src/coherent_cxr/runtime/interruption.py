"""Ctrl-C and SIGTERM: a loop saves a checkpoint before it ends."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Records a first signal, for the loop to act on later; a second one takes effect at once.

    To act on a signal is to pass it to its previous handler, which ends the process, raises KeyboardInterrupt
    or cleans up after the run. Ignored signals stay ignored. Python delivers signals to the main thread only,
    so in other threads nothing is recorded.

    Args:
        name: Name of the run in log messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._before: dict[int, Any] = {}
        self._noted: int | None = None
        self._at_once: str | None = None

    @property
    def noted(self) -> bool:
        """Whether a signal was recorded and has not taken effect yet."""
        return self._noted is not None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    @contextmanager
    def at_once(self, sentence: str) -> Iterator[None]:
        """Let signals take effect at once within this context, after a log message."""
        self._at_once = sentence
        try:
            yield
        finally:
            self._at_once = None

    def obey(self, sentence: str) -> None:
        """Log where the run will continue and pass the signal to its previous handler.

        Raises:
            KeyboardInterrupt: If the signal came to another process of the run; usually also for Ctrl-C.
        """
        number, self._noted = self._noted, None
        logger.warning("%s was interrupted. %s", self._name, sentence)
        self._restore()
        if number is None:
            raise KeyboardInterrupt(sentence)
        # SIGTERM's default ends the process without flushing Python's buffers.
        sys.stdout.flush()
        sys.stderr.flush()
        signal.raise_signal(number)
        self.__enter__()  # its previous handler lets the run continue

    def _note(self, number: int, frame: FrameType | None) -> None:
        second = self.noted
        self._noted = number
        if self._at_once is not None:
            self.obey(self._at_once)
        elif second:
            self.obey("It was interrupted twice, so it ends without another checkpoint.")
        else:
            logger.warning("%s saves a checkpoint after this step, then ends. Again: ends now.", self._name)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
