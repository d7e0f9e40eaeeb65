"""CheXpert labels as small integer codes, which rewards and metrics can index with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import NO_FINDING, Live

ABSENT: Final = 2
"""Code of a label that is not mentioned, beside 1 positive, 0 negative and -1 uncertain."""

DEFAULT_TYPES: Final = Live(lambda: tuple(name for name in OBSERVATIONS if name != NO_FINDING))
"""The labels without "No Finding", which is derived from them: 12 diseases and Support Devices."""


def label_codes(frame: pd.DataFrame, observations: Sequence[str]) -> NDArray[np.int8]:
    """Turn nullable label columns into codes.

    Args:
        frame: One row per report; columns of 1, 0, -1 or missing.
        observations: Columns to take, in order.

    Returns:
        1 positive, 0 negative, -1 uncertain, 2 absent, ``(reports, observations)``.

    Raises:
        ValueError: If an observation is no column of the frame, or a label is none of the four.
    """
    lacking = [name for name in observations if name not in frame.columns]
    if lacking:
        raise ValueError(
            f"The labels have no column '{lacking[0]}'; they have {', '.join(map(str, frame.columns))}."
        )
    columns = [frame[name].to_numpy(dtype=np.float64, na_value=ABSENT) for name in observations]
    codes = np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))
    if not np.isin(codes, (1, 0, -1, ABSENT)).all():
        wrong = codes[~np.isin(codes, (1, 0, -1, ABSENT))][0]
        raise ValueError(f"A label is {wrong:g}; it must be 1 positive, 0 negative, -1 uncertain or missing.")
    return codes.astype(np.int8)


def default_types() -> tuple[str, ...]:
    """Return :data:`DEFAULT_TYPES` as they are now, for settings."""
    return tuple(DEFAULT_TYPES)


def columns_of(observations: Sequence[str]) -> list[int]:
    """Return the columns of observations among the labels."""
    return [OBSERVATIONS.index(name) for name in observations]
