"""What "uncertain" and "not mentioned" count as, by name, for metrics and rewards.

Irvin et al. 2019, section 3.1, call them U-Zeros (as negative), U-Ones (as positive) and U-Ignore (left out).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from coherent_cxr.chexpert.observations import NEGATIVE, POSITIVE, UNCERTAIN

if TYPE_CHECKING:
    import pandas as pd

PolicyT = TypeVar("PolicyT", bound=StrEnum)


class UncertainPolicy(StrEnum):
    """What the label -1 counts as."""

    AS_NEGATIVE = "as_negative"
    AS_POSITIVE = "as_positive"
    IGNORE = "ignore"


class BlankPolicy(StrEnum):
    """What a blank label (not mentioned) counts as."""

    AS_NEGATIVE = "as_negative"
    IGNORE = "ignore"


DEFAULT_UNCERTAIN: Final = UncertainPolicy.AS_NEGATIVE
DEFAULT_BLANK: Final = BlankPolicy.AS_NEGATIVE


def apply_policies(
    labels: pd.DataFrame,
    uncertain: UncertainPolicy | str = DEFAULT_UNCERTAIN,
    blank: BlankPolicy | str = DEFAULT_BLANK,
) -> pd.DataFrame:
    """Turn labels in {1, 0, -1, <NA>} into binary ones.

    Args:
        labels: Label columns only, nullable integers.
        uncertain: What -1 counts as.
        blank: What a blank counts as.

    Returns:
        A frame of the same shape with 1, 0, or <NA> where the policy leaves a cell out.

    Raises:
        ValueError: If a policy's name is unknown.
    """
    uncertain = _policy(UncertainPolicy, uncertain)
    blanks = labels.isna()
    uncertain_cells = (labels == UNCERTAIN).fillna(False).astype(bool)
    if uncertain is UncertainPolicy.IGNORE:
        binary = labels.mask(uncertain_cells)
    else:
        binary = labels.mask(
            uncertain_cells, POSITIVE if uncertain is UncertainPolicy.AS_POSITIVE else NEGATIVE
        )
    if _policy(BlankPolicy, blank) is BlankPolicy.AS_NEGATIVE:
        binary = binary.mask(blanks, NEGATIVE)
    return binary.astype("Int8")


def _policy(kind: type[PolicyT], name: str) -> PolicyT:
    try:
        return kind(name)
    except ValueError:
        known = ", ".join(repr(member.value) for member in kind)
        raise ValueError(f"There is no {kind.__name__} '{name}'; known are {known}.") from None
