"""A disk that is full at some moment of a stage: a sentence, and success once there is space again."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from child import generator
from projects import STAGES, Ended, Run, copy_of, finished_project, judged, weights
from tally import Tally

LARGEST = 24 * 2**20
"""Bytes that are left free, or that a file may have, at most."""
SMALLEST = 2**12


def attack_by_full_disks(
    numbers: Iterable[int], goal: int, seed: int, seconds: float, finished: Path | None = None
) -> Tally:
    """Fill disks until the time is over.

    Who may mount gets a file system of its own with a few bytes left (tmpfs); others, and every third
    try, a limit of the size of files, which the system reports at the same places.

    Args:
        numbers: Numbers of the tries.
        goal: How many are wanted.
        seed: Which sizes.
        seconds: By the clock.
        finished: A project that ran undisturbed; one is made by default.
    """
    tally = Tally("full disk", goal, seed)
    with tempfile.TemporaryDirectory(prefix="attack-disk-") as temporary:
        folder = Path(temporary)
        finished = finished or finished_project(folder)
        expected = weights(finished)
        for number in tally.rounds(numbers, seconds):
            rng = generator("full disk", seed, number)
            stage = STAGES[(seed + 5 * number) % len(STAGES)]
            room = int(SMALLEST * (LARGEST / SMALLEST) ** rng.random())
            with small_disk(folder / str(number), finished, room, number % 3 > 0) as (project, limit, free):
                ended = Run(project, stage, limit).end()
                if ended.code:
                    tally.tries += 1  # a stage that fitted in was no try
                    if fault := no_sentence(ended):
                        tally.add("wrong", number, f"{stage}, {room} bytes: {fault}")
                    free()
                    ended = Run(project, stage).end()
                fault, what = judged(project, ended, expected)
                if fault:
                    tally.add(fault, number, f"{stage}, {room} bytes, after space was freed: {what}")
    return tally


def no_sentence(ended: Ended) -> str:
    """Return what is wrong about the end of a run that had no space."""
    if ended.code != 2 or "Traceback" in ended.said:
        return f"exit code {ended.code}: {ended.said[-3000:]}"
    told = ended.said.rpartition("Error: ")[2]
    return "" if "Error: " in ended.said and len(told) < 1500 else f"no sentence: {told[-1500:]}"


@contextmanager
def small_disk(
    folder: Path, finished: Path, room: int, mounted: bool
) -> Iterator[tuple[Path, object, object]]:
    """Give a copy of a project with little room: its folder, what limits a process, and what frees space."""
    folder.mkdir()
    disk = folder / "disk"
    disk.mkdir()
    try:
        if mounted and mount(disk, "size=4g"):
            project = copy_of(finished, disk / "project")
            taken = os.statvfs(disk)
            used = taken.f_frsize * (taken.f_blocks - taken.f_bfree)
            mount(disk, f"remount,size={used + room}")
            yield project, lambda: None, lambda: mount(disk, "remount,size=4g")
        else:
            project = copy_of(finished, disk / "project")
            yield project, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)), lambda: None
    finally:
        subprocess.run(["umount", str(disk)], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def mount(place: Path, options: str) -> bool:
    """Mount a file system in memory, or change one; False where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return (
        shutil.which("mount") is not None
        and not subprocess.run(command, check=False, capture_output=True).returncode
    )
