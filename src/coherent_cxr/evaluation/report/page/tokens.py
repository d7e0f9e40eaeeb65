"""Finding tokens against their sentences, as a table of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd


def finding_tokens(agreement: pd.DataFrame | None) -> Mapping[str, Any] | None:
    """Bring the table into the form of the page.

    Args:
        agreement: From :func:`~coherent_cxr.evaluation.metrics.token_agreement.token_agreement`.

    Returns:
        ``systems``, and ``rows``: by observation a share and a number of sentences per system, None where a
        system never generated the token. None where no system uses finding tokens.
    """
    if agreement is None or agreement["system"].nunique() < 2:  # the references alone
        return None
    cells = {
        (row["observation"], row["system"]): (row["share"], row["sentences"])
        for row in agreement.to_dict("records")
    }
    systems = list(dict.fromkeys(agreement["system"]))
    rows = {
        name: [cells.get((name, system)) for system in systems]
        for name in dict.fromkeys(agreement["observation"])
    }
    return {"systems": systems, "rows": rows}
