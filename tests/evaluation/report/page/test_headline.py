"""Which differences are significant is said in words."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.report.page.headline import headline
from coherent_cxr.evaluation.tables import ByMetric


def test_which_differences_are_significant_is_said_in_words():
    metrics = pd.DataFrame(
        [(s, "F1", "", "", "", "", v, v - 0.1, v + 0.1) for s, v in (("a", 0.5), ("b", 0.45), ("c", 0.1))],
        columns=["system", "metric", "labels", "average", "uncertain", "rules", "value", "low", "high"],
    )
    comparisons = pd.DataFrame(
        [
            ("a", "b", "F1", "", "", "", "", 0.01, 0.3),
            ("a", "c", "F1", "", "", "", "", 0.002, 0.002),
            ("b", "c", "F1", "", "", "", "", 0.01, 0.01),
        ],
        columns=[
            "system",
            "other",
            "metric",
            "labels",
            "average",
            "uncertain",
            "rules",
            "p_value",
            "adjusted_p_value",
        ],
    )
    result = headline(
        ByMetric(metrics), ByMetric(comparisons), {"F1": Metric("F1"), "absent": Metric("absent")}
    )
    assert result.columns == ["F1"]
    assert [cells[0].rank for cells in result.rows.values()] == ["best", "like best", "worse"]
    assert result.sentences == [
        "F1: a is highest with 0.500; its lead over b is not significant, over the others it is."
    ]
    told = headline(ByMetric(metrics), ByMetric(comparisons), {"F1": Metric("F1")}, oracles={"a", "absent"})
    assert [cells[0].rank for cells in told.rows.values()] == ["oracle", "best", "worse"]
    assert told.sentences == ["F1: b is highest with 0.450; its lead over every other system is significant."]
    alone = headline(ByMetric(metrics), ByMetric(comparisons), {"F1": Metric("F1")}, oracles={"a", "b", "c"})
    assert alone.sentences == []
