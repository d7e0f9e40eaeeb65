"""Ctrl-C and SIGTERM: a loop first saves, then obeys."""

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
    """Notes a first signal instead of obeying it; a second one is obeyed at once.

    Obeying gives the signal to whoever handled it before: to end the process, to raise KeyboardInterrupt, or
    to tidy up around the run. Signals that are ignored stay ignored, and outside the main thread, where
    Python has none, nothing is noted.

    Args:
        name: Name of the run, for its sentences.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._before: dict[int, Any] = {}
        self._noted: int | None = None
        self._at_once: str | None = None

    @property
    def noted(self) -> bool:
        """Whether a signal waits to be obeyed."""
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
        """Obey a signal that comes meanwhile as soon as it comes, after saying a sentence."""
        self._at_once = sentence
        try:
            yield
        finally:
            self._at_once = None

    def obey(self, sentence: str) -> None:
        """Say where the run will continue and give the signal to whoever handled it before.

        Raises:
            KeyboardInterrupt: If the signal came to another process of the run; usually also for Ctrl-C.
        """
        number, self._noted = self._noted, None
        logger.warning("%s was interrupted. %s", self._name, sentence)
        self._restore()
        if number is None:
            raise KeyboardInterrupt(sentence)
        # The default of SIGTERM ends the process without emptying what Python holds back.
        sys.stdout.flush()
        sys.stderr.flush()
        signal.raise_signal(number)
        self.__enter__()  # its former handler lets the run go on

    def _note(self, number: int, frame: FrameType | None) -> None:
        second = self.noted
        self._noted = number
        if self._at_once is not None:
            self.obey(self._at_once)
        elif second:
            self.obey("It was interrupted twice, so it ends without a further checkpoint.")
        else:
            logger.warning("%s saves a checkpoint after this step, then ends. Again: ends now.", self._name)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
