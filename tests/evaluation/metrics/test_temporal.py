"""Temporal F1 against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.changes import ChangeReader
from coherent_cxr.evaluation.metrics.temporal import temporal_measure

READER = ChangeReader(CheXpertLabeler("corrected"))
REFERENCES = [
    "The left pleural effusion has increased. Cardiomegaly is unchanged.",
    "Interval removal of the endotracheal tube.",
    "No pleural effusion.",
]
REPORTS = [
    "Interval increase in the left pleural effusion. Cardiomegaly is new.",  # 1 right, 1 wrong, 1 missed
    "The endotracheal tube has been removed.",  # 1 right
    "The pleural effusion is unchanged.",  # 1 wrong
]


def test_pairs_are_counted_by_change():
    measure = temporal_measure(READER, REPORTS, REFERENCES)
    assert measure is not None
    names = [str(metric) for metric in measure.metrics]
    whole = dict(zip(names, measure.values(np.ones((1, 3)))[0], strict=True))
    assert whole == {
        "temporal F1": pytest.approx(4 / 7),  # 2 right, 2 wrong, 1 missed
        "temporal precision": pytest.approx(2 / 4),
        "temporal recall": pytest.approx(2 / 3),
        "temporal F1, worsened": 1.0,
        "temporal F1, unchanged": 0.0,
        "temporal F1, resolved": 1.0,
    }
    twice_the_second = measure.values(np.array([[0.0, 2.0, 0.0]]))[0]
    assert twice_the_second[names.index("temporal F1")] == 1.0


def test_where_no_reference_tells_a_course_there_is_no_such_metric():
    assert temporal_measure(READER, ["Stable cardiomegaly."], ["Cardiomegaly."]) is None
    assert temporal_measure(READER, [], []) is None
