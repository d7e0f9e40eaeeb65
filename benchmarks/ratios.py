"""Ratios against named rivals, noted by each benchmark for the table of all of them (``make bench``)."""

from __future__ import annotations

import json
import os
from pathlib import Path

FILE = "COHERENT_CXR_RATIOS"
"""Variable that names the file to which ratios are added; without it nothing is noted."""


def note(
    what: str, ratio: float, rival: str, at_least: float | None = None, at_most: float | None = None
) -> None:
    """Note a ratio.

    Args:
        what: What was measured, and in which unit the ratio is ("times as fast", "of the time").
        ratio: Against the rival in the same run.
        rival: What it is compared with.
        at_least: The goal, where more is better.
        at_most: The goal, where less is better.
    """
    if path := os.environ.get(FILE):
        row = {"what": what, "ratio": ratio, "rival": rival, "at_least": at_least, "at_most": at_most}
        with Path(path).open("a") as file:
            file.write(json.dumps(row) + "\n")
