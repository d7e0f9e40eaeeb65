"""A disk that is full at some moment of a stage: a sentence, and success once there is space again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from disturbed import Disturbance, Outcome
from projects import Ended, copy_of, judged

LARGEST = 24 * 2**20
"""Bytes that are left free, or that a file may have, at most."""
SMALLEST = 2**12


def fill(one: Disturbance) -> Outcome:
    """Run a stage on a disk that is full at some moment, and again when space was freed.

    Who may mount gets a file system of its own with a few bytes left (tmpfs); others, and every third
    try, a limit of the size of files, which the system reports at the same places. A stage that fitted in
    does not count.
    """
    room = int(SMALLEST * (LARGEST / SMALLEST) ** one.rng.random())
    where, faults = f"{one.stage}, {room} bytes", []
    with small_disk(one.place, one.finished, room, one.number % 3 > 0) as (project, limits, free):
        ended = one.run(project, one.stage, limits).end()
        full = ended.code != 0
        if full:
            if fault := no_sentence(ended):
                faults.append(("wrong", f"{where}: {fault}"))
            free()
            ended = one.run(project, one.stage).end()
        fault, what = judged(project, ended, one.expected)
        if fault:
            faults.append((fault, f"{where}, after space was freed: {what}"))
    return Outcome(full, faults)


def no_sentence(ended: Ended) -> str:
    """Return what is wrong about the end of a run that had no space."""
    if ended.code != 2 or "Traceback" in ended.said:
        return f"exit code {ended.code}: {ended.said[-3000:]}"
    told = ended.said.rpartition("Error: ")[2]
    return "" if "Error: " in ended.said and len(told) < 1500 else f"no sentence: {told[-1500:]}"


@contextmanager
def small_disk(
    folder: Path, finished: Path, room: int, mounted: bool
) -> Iterator[tuple[Path, dict[str, int], Callable[[], object]]]:
    """Give a copy of a project with little room: its folder, limits of a process, and what frees space."""
    folder.mkdir()
    disk = folder / "disk"
    disk.mkdir()
    try:
        if mounted and mount(disk, "size=4g"):
            project = copy_of(finished, disk / "project")
            taken = os.statvfs(disk)
            used = taken.f_frsize * (taken.f_blocks - taken.f_bfree)
            mount(disk, f"remount,size={used + room}")
            yield project, {}, lambda: mount(disk, "remount,size=4g")
        else:
            project = copy_of(finished, disk / "project")
            yield project, {"RLIMIT_FSIZE": room}, lambda: None
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
