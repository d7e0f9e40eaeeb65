"""Quality against the number of samples, as a table of the page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.rewards.clinical.f1_means import F1_MEANS

SHOWN = ("BLEU-4", "ROUGE-L", "CIDEr-D", "macro-F1")


def consensus_tables(quality: pd.DataFrame | None) -> dict[str, list[dict[str, Any]]]:
    """Bring the table into the form of the page.

    Args:
        quality: From :func:`~coherent_cxr.evaluation.metrics.consensus_quality.consensus_quality`.

    Returns:
        By system, one row per number of samples: ``samples`` and the shown metrics by name, None where one
        is not defined. Empty where nothing was measured.
    """
    if quality is None or quality.empty:
        return {}
    tables = {}
    for system, own in quality.groupby("system", sort=False):
        rows = []
        for samples, values in own.groupby("samples", sort=True):
            value_of = dict(zip(values["metric"], values["value"], strict=True))
            shown = {name: value_of.get(name) for name in (*SHOWN, F1_MEANS[0].name)}
            rows.append({"samples": int(str(samples)), "values": shown})
        tables[str(system)] = rows
    return tables
