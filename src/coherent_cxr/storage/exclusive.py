"""One process at a time; those that wait say so."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def sole_holder(path: Path, doing: str) -> Iterator[bool]:
    """Hold a lock file; other processes log a sentence and wait.

    The operating system releases the lock when the process ends, so no stale lock remains.

    Args:
        path: The lock file; it and its folder are created, and the file stays.
        doing: What is done under the lock: the beginning of the sentence that waiting processes log.

    Yields:
        Whether the lock is held; False only on a file system without locks, where no process waits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _opened(path)
    try:
        yield _acquired(lock, path, doing)
    finally:
        os.close(lock)  # which releases it


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY)  # another user's file; it can be locked nevertheless


def _acquired(lock: int, path: Path, doing: str) -> bool:
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 200, 0).decode(errors="replace") or "another run"
            logger.warning("%s: %s is at it; waiting until it has ended ('%s').", doing, holder, path)
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        logger.warning(
            "%s: the file system of '%s' has no locks (%s); do not start two runs at once.",
            doing,
            path.parent,
            error.strerror,
        )
        return False
    _sign(lock)
    return True


def _sign(lock: int) -> None:
    """Write into the lock file which process holds it, for the sentence that others log."""
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
    except OSError:
        pass  # another user's file, or a full disk: the lock holds without a name
