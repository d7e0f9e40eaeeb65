"""Which systems span the axis of the intervals."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.reference_rows import AFFIRM_ALL
from coherent_cxr.evaluation.report.figures.intervals import axis_span, intervals_figure


def table(**values: float) -> pd.DataFrame:
    rows = {name.replace("_", " "): (v, v - 0.01, v + 0.01) for name, v in values.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def test_null_systems_and_upper_bounds_do_not_stretch_the_axis() -> None:
    low, high = axis_span(table(affirm_all=0.1, major_class=0.0, mle=0.80, full=0.84, mle_oracle=1.0))
    # 0.79 to 0.85, and 6 % of 0.06 on either side
    assert (low, high) == pytest.approx((0.7864, 0.8536))
    assert AFFIRM_ALL == "affirm all"


def test_alone_they_span_it() -> None:
    low, high = axis_span(table(affirm_all=0.5))
    assert low < 0.49 < 0.51 < high
    low, high = axis_span(pd.DataFrame({"value": [0.0], "low": [0.0], "high": [0.0]}, index=["mle"]))
    assert low < 0 < high


def test_intervals_stand_in_the_row_of_their_system_and_what_lies_beside_the_axis_is_an_arrow() -> None:
    values = table(constant=0.1, mle=0.80, full=0.84).rename_axis("system").reset_index()
    metrics = values.assign(metric="F", labels="", average="", uncertain="", rules="")
    figure = intervals_figure(metrics, "negative", {"constant"}, {"F": Metric("F")})
    (panel,) = figure.axes
    intervals, points = panel.collections
    assert isinstance(intervals, LineCollection)
    ends = [[0.79, 1, 0.81, 1], [0.83, 2, 0.85, 2]]
    assert [segment.ravel().tolist() for segment in intervals.get_segments()] == [
        pytest.approx(end) for end in ends
    ]
    assert points.get_offsets().tolist() == [pytest.approx([0.80, 1]), pytest.approx([0.84, 2])]
    assert [text.get_text() for text in panel.texts] == ["0.100"]
    assert figure.get_layout_engine() is None  # placed once, so that saving draws once
