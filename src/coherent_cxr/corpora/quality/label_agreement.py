"""How far our labels agree with those that a corpus ships."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STATUSES = {"positive": 1, "negative": 0, "uncertain": -1}
UNMENTIONED = 2


def label_agreement(ours: pd.DataFrame, shipped: pd.DataFrame) -> pd.DataFrame:
    """Compare two tables of labels on the studies that both have.

    Args:
        ours: study_id and one column per observation: 1, 0, -1 or missing.
        shipped: The same, for example MIMIC-CXR-JPG's chexpert file.

    Returns:
        One row per observation that both have: studies compared; exact agreement over the four statuses;
        Cohen's kappa (missing if both tables hold one status only); and for positive, negative and uncertain
        how often each table says it, and the F1 between them (missing if neither says it).
    """
    both = sorted(set(ours["study_id"]) & set(shipped["study_id"]))
    left, right = ours.set_index("study_id").loc[both], shipped.set_index("study_id").loc[both]
    rows = []
    for name in left.columns.intersection(right.columns):
        a, b = _codes(left[name]), _codes(right[name])
        row: dict[str, object] = {"observation": name, "studies": len(both)}
        row["agreement"] = float((a == b).mean()) if len(both) else None
        row["kappa"] = _kappa(a, b)
        for status, code in STATUSES.items():
            in_both, in_either = (
                int(((a == code) & (b == code)).sum()),
                int((a == code).sum() + (b == code).sum()),
            )
            row[f"{status}_ours"], row[f"{status}_shipped"] = int((a == code).sum()), int((b == code).sum())
            row[f"{status}_f1"] = 2 * in_both / in_either if in_either else None
        rows.append(row)
    return pd.DataFrame(rows).convert_dtypes(dtype_backend="numpy_nullable")


def _codes(labels: pd.Series) -> NDArray[np.int64]:
    codes = pd.to_numeric(labels, errors="coerce").astype("Float64").fillna(UNMENTIONED)
    return np.asarray(codes, dtype=np.int64)


def _kappa(a: NDArray[np.int64], b: NDArray[np.int64]) -> float | None:
    codes = np.union1d(a, b)
    if len(codes) < 2:
        return None
    by_chance = sum((a == code).mean() * (b == code).mean() for code in codes)
    return float(((a == b).mean() - by_chance) / (1 - by_chance))
