"""Texts of a megabyte that a pattern could read in more than one way: time grows linearly with the text."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from child import Attempt

LONGEST = "1000000"
SECONDS = 600
"""Processor time of a try: the text is read up to seven times, and its shorter version fifty times."""


def prepare(folder: Path) -> Attempt:
    """Return what measures one function on one text; the numbers go through all of them in an odd order."""
    os.environ["COHERENT_CXR_LONGEST_TEXT"] = LONGEST
    from inputs.text.test_growth import EXPONENT, FUNCTIONS, UNITS, exponent

    pairs = [(name, unit) for unit in UNITS for name in FUNCTIONS]

    def attempt(rng: np.random.Generator, number: int) -> str:
        name, unit = pairs[number * 101 % len(pairs)]
        found = exponent(FUNCTIONS[name], unit)
        return "" if found <= EXPONENT else f"{name} of {unit!r}: time grows with the power {found:.2f}"

    return attempt
