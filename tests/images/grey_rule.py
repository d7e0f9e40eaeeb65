"""The rule of all formats, written down once more for the tests."""

import numpy as np


def by_the_rule(levels: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Stretch between the 0.5th and the 99.5th percentile (nearest rank), of ``among`` if it is given."""
    ordered = np.sort(np.asarray(levels if among is None else among, dtype=float).ravel())
    rank = round(0.005 * (len(ordered) - 1))
    low, high = ordered[rank], ordered[-1 - rank]
    return np.round(np.clip((levels - low) / (high - low), 0, 1) * 255)
