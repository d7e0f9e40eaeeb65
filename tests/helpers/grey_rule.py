"""The rule of all formats, written down once more for the tests."""

import numpy as np


def by_the_rule(levels: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Stretch between the 0.5th and the 99.5th percentile (nearest rank), of ``among`` if it is given.

    Both lie at most as far from the 5th and 95th as these from each other.
    """
    ordered = np.sort(np.asarray(levels if among is None else among, dtype=float).ravel())
    rank, inner = (round(share * (len(ordered) - 1)) for share in (0.005, 0.05))
    spread = ordered[-1 - inner] - ordered[inner]
    low = max(ordered[rank], ordered[inner] - spread)
    high = min(ordered[-1 - rank], ordered[-1 - inner] + spread)
    return np.round(np.clip((levels - low) / (high - low), 0, 1) * 255)
