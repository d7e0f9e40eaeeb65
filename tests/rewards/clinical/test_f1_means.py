"""Means of F1 by their names, on tables worked out by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.rewards.clinical.f1_means import F1_MEANS, f1_means


def table(**columns):
    """Positive cells of 20 reports: by observation, the rows that are positive."""
    cells = np.zeros((20, 14), dtype=bool)
    for name, rows in columns.items():
        cells[list(rows), OBSERVATIONS.index(name.replace("_", " "))] = True
    return cells


def test_each_mean_is_over_the_labels_its_name_says():
    held = table(No_Finding=range(10), Cardiomegaly=range(10, 14), Fracture=[19])
    called = table(No_Finding=range(5), Cardiomegaly=range(12, 16), Edema=[0])
    # No Finding: 5 of 5 calls right, 10 held -> 10/15. Cardiomegaly: 2 of 4, 4 held -> 4/8.
    # Fracture: never called -> 0. Edema: called once, never held -> 0. The other ten labels: 0.
    assert f1_means(called, held) == {
        "micro_14_f1": pytest.approx(2 * 7 / (10 + 15)),
        "macro_14_f1": pytest.approx((2 / 3 + 1 / 2) / 14),
        "macro_f1": pytest.approx((2 / 3 + 1 / 2 + 0) / 3),
        "macro_f1_10": pytest.approx(2 / 3),
        "weighted_f1": pytest.approx((10 * 2 / 3 + 4 * 1 / 2 + 1 * 0) / 15),
        "micro_5_f1": pytest.approx(2 * 2 / (5 + 4)),  # Cardiomegaly and the wrong Edema
    }


def test_nine_positives_are_not_ten_and_a_mean_over_no_label_is_left_out():
    held = table(Cardiomegaly=range(9))
    assert set(f1_means(held, held)) == {
        "micro_14_f1",
        "macro_14_f1",
        "macro_f1",
        "weighted_f1",
        "micro_5_f1",
    }
    nothing = table()
    of_nothing = {"micro_14_f1": 0, "macro_14_f1": 0, "weighted_f1": 0, "micro_5_f1": 0}
    assert f1_means(nothing, nothing) == of_nothing
    assert f1_means(table(Edema=range(20)), nothing)["macro_14_f1"] == 0


def test_the_averages_are_those_of_scikit_learn():
    dice = np.random.default_rng(0)
    chance = np.linspace(0, 0.5, 14)
    held, called = (dice.random((60, 14)) < chance for _ in range(2))
    means = f1_means(called, held)
    for key, chosen in (
        ("macro_14_f1", np.full(14, True)),
        ("macro_f1", held.sum(axis=0) >= 1),
        ("macro_f1_10", held.sum(axis=0) >= 10),
    ):
        expected = f1_score(held[:, chosen], called[:, chosen], average="macro", zero_division=0)
        assert means[key] == pytest.approx(expected, abs=1e-12)
    weighted = f1_score(held, called, average="weighted", zero_division=0)
    assert means["weighted_f1"] == pytest.approx(weighted, abs=1e-12)
    assert means["micro_14_f1"] == pytest.approx(f1_score(held, called, average="micro"), abs=1e-12)


def test_every_mean_has_a_name_of_its_own():
    assert len({mean.name for mean in F1_MEANS}) == len({mean.key for mean in F1_MEANS}) == len(F1_MEANS)
