"""Step three: from the statuses of mentions to the labels of a report (Irvin et al. 2019, section 2.3).

What a sentence contributes is one integer with a bit per (observation, status), so that a report is the
bitwise "or" of its sentences and their order cannot matter.
"""

from functools import lru_cache
from typing import Final

from coherent_cxr.chexpert.observations import NEGATIVE, NO_FINDING, OBSERVATIONS, POSITIVE, UNCERTAIN

_SHIFT: Final[dict[int, int]] = {POSITIVE: 0, NEGATIVE: 1, UNCERTAIN: 2}
_HEART_FAILURE: Final = frozenset({"chf", "heart failure"})
_DOES_NOT_BLOCK: Final = "Support Devices"
_INDEX: Final = {name: index for index, name in enumerate(OBSERVATIONS)}


def vote(observation: str, status: int, term: str) -> int:
    """Return the bits of one mention.

    Args:
        observation: One of :data:`OBSERVATIONS`.
        status: 1, 0 or -1.
        term: The words of the mention; heart failure votes for an uncertain cardiomegaly as well.

    Returns:
        A bit set to be joined with others by ``|``.
    """
    bits = 1 << (3 * _INDEX[observation] + _SHIFT[status])
    if term in _HEART_FAILURE and status != NEGATIVE:
        bits |= 1 << (3 * _INDEX["Cardiomegaly"] + _SHIFT[UNCERTAIN])
    return bits


@lru_cache(maxsize=1 << 16)
def decide(votes: int) -> tuple[int | None, ...]:
    """Resolve the votes of a whole report.

    Args:
        votes: The joined bits of all its mentions.

    Returns:
        One value per observation: 1, 0, -1, or None for "not mentioned". Mentions that agree decide; a
        negative and an uncertain one make the observation uncertain; otherwise a positive one wins.
        "No Finding" is 1 unless anything but support devices is positive or uncertain.
    """
    labels: list[int | None] = []
    finding = False
    for name in OBSERVATIONS:
        positive, negative, uncertain = (votes >> (3 * _INDEX[name] + shift) & 1 for shift in range(3))
        finding = finding or bool(name != _DOES_NOT_BLOCK and (positive or uncertain))
        if uncertain and (negative or not positive):
            labels.append(UNCERTAIN)
        elif positive:
            labels.append(POSITIVE)
        else:
            labels.append(NEGATIVE if negative else None)
    labels[_INDEX[NO_FINDING]] = None if finding else POSITIVE
    return tuple(labels)
