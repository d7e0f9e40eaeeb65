"""One thread that has the model, and takes what waits together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Job(NamedTuple, Generic[T, R]):
    given: T
    future: Future[R]


class Batcher(Generic[T, R]):
    """Lets requests that wait at the same time be answered together.

    A request never waits for others to come: the thread takes the first and whatever stands behind it.

    Args:
        answer: Answers several; a result or an error for each, in the same order. If it fails as a whole,
            each is asked for alone, so that no request fails by its neighbours.
        most: Most at a time.
        taken: Told how many were taken together.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[T]], Sequence[R | Exception]],
        most: int,
        taken: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._answer, self._most, self._taken = answer, most, taken
        self._jobs: queue.SimpleQueue[_Job[T, R] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    async def ask(self, given: T) -> R:
        """Wait for the answer to one; if the caller is cancelled before its turn, it is left out."""
        future: Future[R] = Future()
        self._jobs.put(_Job(given, future))
        return await asyncio.wrap_future(future)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._jobs.qsize()

    def close(self) -> None:
        """End the thread once what waits has been answered."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        ended = False
        while not ended:
            first = self._jobs.get()
            jobs = [] if first is None else [first]
            ended = first is None
            while len(jobs) < self._most and not ended:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                ended = job is None
                if job is not None:
                    jobs.append(job)
            jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if jobs:
                self._taken(len(jobs))
                self._finish(jobs)

    def _finish(self, jobs: list[_Job[T, R]]) -> None:
        try:
            answers = self._answer([job.given for job in jobs])
        except Exception as error:  # the boundary of the model: whatever it raises belongs to one of them
            if len(jobs) == 1:
                jobs[0].future.set_exception(error)
                return
            for job in jobs:
                self._finish([job])
            return
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, Exception):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)
