"""Measures of sameness by hand."""

from __future__ import annotations

import numpy as np
import pytest

from coherent_cxr.evaluation.metrics.diversity import diversity_measures

TEXTS = ["a b a .", "a b a .", "c d ."]
REFERENCES = ["a .", "a b c d .", "c d ."]
REPEATS = np.array([[1, 3], [0, 2], [0, 1]])


def values(weights):
    measures = diversity_measures(TEXTS, REFERENCES, ["c d .", "x ."], REPEATS)
    return {
        metric.name: value
        for measure in measures
        for metric, value in zip(measure.metrics, measure.values(np.array([weights], float))[0], strict=True)
    }


def test_by_hand():
    assert values([1, 1, 1]) == {
        "length ratio": pytest.approx(11 / 10),
        "repeat rate": pytest.approx(1 / 6),
        "copied from training": pytest.approx(1 / 3),
        "words per report": pytest.approx(11 / 3),
        "reports changed by removal": pytest.approx(1 / 3),
        "distinct-1": pytest.approx(5 / 11),  # a b . c d
        "distinct-2": pytest.approx(5 / 8),  # ab ba a. cd d.
        "unique reports": pytest.approx(2 / 3),
        "commonest report": pytest.approx(2 / 3),
    }


def test_studies_that_are_not_drawn_do_not_count():
    drawn = values([2, 0, 0])
    assert drawn["unique reports"] == pytest.approx(1 / 2)
    assert drawn["commonest report"] == 1
    assert drawn["distinct-1"] == pytest.approx(3 / 8)
    assert drawn["copied from training"] == 0
