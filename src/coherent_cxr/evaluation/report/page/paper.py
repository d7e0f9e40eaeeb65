"""The paper's own figures, in the layout of its Table 2.

Only numbers that were read in a transcription of its tables ([2]) stand here. The paper's CIDEr is on another
scale than pycocoevalcap's CIDEr-D, so the two never share a column.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pandas as pd

from coherent_cxr.chexpert.observations import how_many
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.tables import rows_of


class PaperRow(NamedTuple):
    """A system of Liu et al. 2019, Table 2."""

    system: str
    cider: float
    rouge_l: float
    bleu: tuple[float, float, float, float]
    accuracy: float


OPEN_I: Final = (
    PaperRow("S&T", 0.926, 0.306, (0.265, 0.157, 0.105, 0.073), 0.915),
    PaperRow("SA&T", 1.276, 0.313, (0.328, 0.195, 0.123, 0.080), 0.908),
    PaperRow("TieNet", 1.334, 0.311, (0.330, 0.194, 0.124, 0.081), 0.902),
)
MIMIC_CXR: Final = (
    PaperRow("S&T", 0.886, 0.300, (0.307, 0.201, 0.137, 0.093), 0.837),
    PaperRow("SA&T", 0.967, 0.288, (0.318, 0.205, 0.137, 0.093), 0.849),
    PaperRow("CCR", 0.956, 0.284, (0.294, 0.190, 0.134, 0.094), 0.868),
    PaperRow("full", 1.046, 0.306, (0.313, 0.206, 0.146, 0.103), 0.867),
)


class OwnRow(NamedTuple):
    """A system of this run in the same layout; None where it was not run."""

    system: str
    cider_d: float | None
    rouge_l: float | None
    bleu: list[float | None]
    accuracy: float | None


JUDGE: Final = "original"
"""Published accuracies were judged by the original tool, so ours beside them are by rules that follow it."""


def own_rows(metrics: pd.DataFrame, uncertain: str) -> list[OwnRow]:
    """Return this run's systems in the layout of the paper's table; accuracy is the mean over 14 labels."""
    shown = [Metric("CIDEr-D"), Metric("ROUGE-L"), *(Metric(f"BLEU-{n}") for n in range(1, 5))]
    shown.append(Metric("accuracy", how_many(), "macro", uncertain, JUDGE))
    values = [rows_of(metrics, metric)["value"].to_dict() for metric in shown]
    rows = []
    for system in dict.fromkeys(metrics["system"]):
        cider, rouge, *bleu, accuracy = (column.get(system) for column in values)
        rows.append(OwnRow(str(system), cider, rouge, bleu, accuracy))
    return rows
