"""The paper's own figures, in the layout of its Table 2, with the source of each number.

[2]: read in someone else's transcription of the tables. [M]: as recalled, not verified. The paper's CIDEr is
on another scale than pycocoevalcap's CIDEr-D, so the two never share a column.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pandas as pd

from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.tables import rows_of


class PaperRow(NamedTuple):
    """A system of Liu et al. 2019, Table 2."""

    system: str
    cider: float
    rouge_l: float
    bleu: tuple[float, float, float, float]
    accuracy: float
    source: str


OPEN_I: Final = (
    PaperRow("1-NN", 0.728, 0.201, (0.232, 0.116, 0.051, 0.018), 0.911, "M"),
    PaperRow("S&T", 0.926, 0.306, (0.265, 0.157, 0.105, 0.073), 0.915, "2"),
    PaperRow("SA&T", 1.276, 0.313, (0.328, 0.195, 0.123, 0.080), 0.908, "2"),
    PaperRow("TieNet", 1.334, 0.311, (0.330, 0.194, 0.124, 0.081), 0.902, "2"),
    PaperRow("NLG", 1.490, 0.359, (0.369, 0.246, 0.171, 0.115), 0.916, "M"),
    PaperRow("CCR", 0.707, 0.244, (0.162, 0.084, 0.055, 0.036), 0.917, "M"),
    PaperRow("full", 1.424, 0.354, (0.359, 0.237, 0.164, 0.113), 0.918, "M"),
)
MIMIC_CXR: Final = (
    PaperRow("S&T", 0.886, 0.300, (0.307, 0.201, 0.137, 0.093), 0.837, "2"),
    PaperRow("SA&T", 0.967, 0.288, (0.318, 0.205, 0.137, 0.093), 0.849, "2"),
    PaperRow("TieNet", 1.004, 0.296, (0.332, 0.212, 0.142, 0.095), 0.848, "M"),
    PaperRow("NLG", 1.153, 0.307, (0.352, 0.223, 0.153, 0.104), 0.834, "M"),
    PaperRow("CCR", 0.956, 0.284, (0.294, 0.190, 0.134, 0.094), 0.868, "2"),
    PaperRow("full", 1.046, 0.306, (0.313, 0.206, 0.146, 0.103), 0.867, "2"),
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
    shown.append(Metric("accuracy", "14 labels", "macro", uncertain, JUDGE))
    values = [rows_of(metrics, metric)["value"].to_dict() for metric in shown]
    rows = []
    for system in dict.fromkeys(metrics["system"]):
        cider, rouge, *bleu, accuracy = (column.get(system) for column in values)
        rows.append(OwnRow(str(system), cider, rouge, bleu, accuracy))
    return rows
