"""Training in several processes: one rank per GPU, or on CPUs, on one machine or many.

The caller is rank 0 and only it keeps the result. Further ranks on its machine are started by
:func:`run_in_ranks`; across machines torchrun or SLURM starts them with
``python -m coherent_cxr.runtime.distributed``, and they wait for rank 0's work (see docs/training.md).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from coherent_cxr.runtime.memory import keep_freed_memory

T = TypeVar("T")
WAIT = timedelta(hours=2)
"""How long ranks wait for each other, a validation by rank 0 alone included."""


@dataclass(frozen=True)
class World:
    """The processes that train together.

    Attributes:
        rank: Number of this process, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes, validates and shows progress."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Return every rank's value, in the order of ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def from_leader(self, value: T) -> T:
        """Return rank 0's value in every rank."""
        if self.size == 1:
            return value
        values: list[Any] = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[no-any-return]

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by the sum over ranks; a missing one counts as zero."""
        if self.size == 1:
            return
        trained = [p for p in parameters if p.requires_grad]
        for p in trained:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([p.grad.flatten() for p in trained if p.grad is not None])
        dist.all_reduce(flat)
        start = 0
        for p in trained:
            p.grad = flat[start : start + p.numel()].view_as(p).clone()
            start += p.numel()


_world = World()


def current_world() -> World:
    """Return the processes this one trains with; alone unless inside :func:`run_in_ranks`."""
    return _world


def training_device() -> torch.device:
    """Return this rank's device: its own GPU, or the processor, whose freed memory is then kept."""
    if not torch.cuda.is_available():
        keep_freed_memory()
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def run_in_ranks(function: Callable[..., T], processes: int, *arguments: Any) -> T:
    """Call a training function in every rank at the same time and return rank 0's result.

    Args:
        function: A module's function; its results in other ranks are dropped.
        processes: Ranks on this machine unless torchrun or SLURM started them; 1: in this process.
        arguments: Its arguments, the same in every rank.

    Raises:
        RuntimeError: If a started rank fails, or ends before the training begins.
    """
    if "WORLD_SIZE" in os.environ and int(os.environ["WORLD_SIZE"]) > 1:
        return _lead(function, arguments)
    if processes == 1:
        return function(*arguments)
    with _started_ranks(processes) as require_alive:
        try:
            _join(require_alive)
            result = _lead(function, arguments)
        except BaseException:
            # The others may be at any point of their work, so they are terminated.
            if dist.is_initialized():
                dist.destroy_process_group()
            raise
        _dismiss()
        return result


def serve() -> None:
    """Take part in rank 0's trainings until there are no more."""
    _join()
    nothing: Any = None
    while (job := World(dist.get_rank(), dist.get_world_size()).from_leader(nothing)) is not None:
        function, arguments = job
        with _inside():
            try:
                function(*arguments)
            except KeyboardInterrupt:
                sys.exit(130)  # rank 0 says where the run continues
    dist.destroy_process_group()


def _lead(function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    if not dist.is_initialized():
        _join()
        atexit.register(_dismiss)
    World(0, dist.get_world_size()).from_leader((function, arguments))
    with _inside():
        return function(*arguments)


def _join(require_alive: Callable[[], None] = lambda: None) -> None:
    """Form the group; ``require_alive`` is called again and again and raises if a rank has ended."""
    device = training_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    failed: list[BaseException] = []

    def form() -> None:
        try:
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=WAIT)
        except BaseException as error:
            failed.append(error)

    # PyTorch waits for the other ranks where neither they nor a signal can reach it: in a thread of its own,
    # which does not keep the program from ending.
    forming = threading.Thread(target=form, name="form-group", daemon=True)
    forming.start()
    while forming.is_alive():
        require_alive()
        forming.join(0.1)
    if failed:
        raise failed[0]


def _dismiss() -> None:
    if dist.is_initialized():
        # Ranks that have ended cannot be told.
        with contextlib.suppress(RuntimeError):
            World(0, dist.get_world_size()).from_leader(None)
        dist.destroy_process_group()


@contextlib.contextmanager
def _inside() -> Iterator[None]:
    global _world
    _world = World(dist.get_rank(), dist.get_world_size())
    try:
        yield
    finally:
        _world = World()


@contextlib.contextmanager
def _started_ranks(processes: int) -> Iterator[Callable[[], None]]:
    """Start ranks 1 and up as child processes and describe the group in this process's environment.

    Yields:
        What raises an error if one of them has ended.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    threads = {"OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // processes, 1))}
    before = dict(os.environ)
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "coherent_cxr.runtime.distributed"],
            env={**threads, **before, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(1, processes)
    ]
    os.environ.update({**shared, "RANK": "0", "LOCAL_RANK": "0"})

    def require_alive() -> None:
        for rank, child in enumerate(children, start=1):
            if child.poll() is not None:
                raise RuntimeError(
                    f"Training rank {rank} of {processes} ended with exit status {child.returncode} before "
                    "the training began; its own message stands above."
                )

    try:
        yield require_alive
        for rank, child in enumerate(children, start=1):
            if child.wait(timeout=60) != 0:
                raise RuntimeError(
                    f"Training rank {rank} of {processes} ended with exit status {child.returncode}; its own "
                    "message stands above."
                )
    finally:
        for child in children:
            child.kill()
            child.wait()
        for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK"):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


if __name__ == "__main__":
    # Imported under its full name, so that training reads this module's state.
    from coherent_cxr.runtime import distributed

    distributed.serve()
