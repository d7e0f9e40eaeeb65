"""A training history on the disk, to which each checkpoint only appends."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class HistoryFile:
    """Rows as lines of JSON; a checkpoint's state says how many of its bytes count.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = self._bytes = 0

    def extend_to(self, rows: Sequence[dict[str, Any]]) -> int:
        """Append the rows that are not in the file yet; what was behind those that counted is dropped.

        Args:
            rows: All rows, those of the call before first.

        Returns:
            The bytes that count now.
        """
        added = "".join(f"{json.dumps(row)}\n" for row in rows[self._rows :]).encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("r+b" if self._path.exists() else "wb") as file:
            file.truncate(self._bytes)
            file.seek(self._bytes)
            file.write(added)
            file.flush()
            os.fsync(file.fileno())
        self._rows, self._bytes = len(rows), self._bytes + len(added)
        return self._bytes

    def read(self, length: int) -> list[dict[str, Any]]:
        """Return the rows that count, and append behind them from now on.

        Args:
            length: Bytes that count.

        Raises:
            ValueError: If the file is shorter, or holds something else than rows.
        """
        content = b""
        if length:
            with self._path.open("rb") as file:
                content = file.read(length)
        if len(content) != length:
            raise ValueError(f"'{self._path}' has {len(content)} bytes, {length} were written")
        rows: list[dict[str, Any]] = [json.loads(line) for line in content.splitlines()]
        self._rows, self._bytes = len(rows), length
        return rows
