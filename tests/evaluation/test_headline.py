"""The first numbers of a system, with their intervals."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.evaluation.headline import first_intervals


def test_intervals_are_those_of_the_systems_first_metrics() -> None:
    rows = [
        ("mle", "CIDEr-D", "", "", "", "", 0.5, 0.25, 0.75),
        ("mle", "BLEU-4", "", "", "", "", 0.5, None, None),
        ("full", "CIDEr-D", "", "", "", "", 0.1, 0.0, 0.2),
        ("mle", "F1", "14 labels", "micro", "as_negative", "corrected", 0.8, 0.7, 0.9),
        ("mle", "F1", "14 labels", "micro", "as_positive", "corrected", 0.3, 0.2, 0.4),
    ]
    columns = ["system", "metric", "labels", "average", "uncertain", "rules", "value", "low", "high"]
    table = pd.DataFrame(rows, columns=columns)
    assert first_intervals(table, "mle") == {
        "CIDEr-D": (0.5, 0.25, 0.75),
        "micro-14-F1 corrected": (0.8, 0.7, 0.9),
    }
    assert first_intervals(table, "absent") == {}
