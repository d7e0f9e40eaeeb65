from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.evaluation.metrics.label_quality import (
    label_quality,
    label_reliability,
    reliability,
    weighted_auroc,
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 6))
@pytest.mark.slow
def test_areas_are_those_of_scikit_learn_with_ties_and_weights(seed: int, studies: int, levels: int) -> None:
    dice = np.random.default_rng(seed)
    scores = dice.integers(0, levels, studies).astype(float)
    positive = dice.random(studies) < 0.5
    positive[:2] = [True, False]
    weights = dice.integers(0, 3, (5, studies)).astype(float)
    weights[:, :2] += 1
    found = weighted_auroc(scores, positive, weights)
    wanted = [roc_auc_score(positive, scores, sample_weight=one) for one in weights]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_a_resample_without_a_positive_has_no_area() -> None:
    areas = weighted_auroc(np.array([1.0, 2.0]), np.array([False, True]), np.array([[1.0, 0.0], [1.0, 1.0]]))
    assert np.isnan(areas[0])
    assert areas[1] == 1.0


def tables(studies: int = 40) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    ids = [f"s{i}" for i in range(studies)]
    scores, labels = pd.DataFrame({"study_id": ids}), pd.DataFrame({"study_id": ids})
    for name in OBSERVATIONS:
        scores[name] = 0.0
        labels[name] = pd.array([None] * studies, dtype="Int8")
    # Edema: the upper half positive and perfectly told; Fracture: two positives, at the bottom
    scores["Edema"] = np.arange(studies, dtype=float)
    labels["Edema"] = pd.array([1 if i >= studies // 2 else 0 for i in range(studies)], dtype="Int8")
    scores["Fracture"] = np.arange(studies, dtype=float)
    labels["Fracture"] = pd.array([1, 1] + [-1] * (studies - 2), dtype="Int8")
    splits = pd.DataFrame({"study_id": ids, "patient_id": ids, "split": "test"})
    return scores, labels, splits


def test_labels_with_ten_positives_make_the_mean_and_uncertain_is_not_positive() -> None:
    table = label_quality(*tables(), resamples=50, seed=0).set_index("observation")
    assert table.index.tolist() == ["Edema", "Fracture", "mean"]
    assert table["split"].unique().tolist() == ["test"]
    assert table.loc["Edema", ["studies", "positives", "auroc", "low", "high"]].tolist() == [40, 20, 1, 1, 1]
    assert table.loc["Fracture", ["positives", "auroc"]].tolist() == [2, 0]
    assert table.loc["mean", "auroc"] == 1.0


def test_intervals_are_over_patients() -> None:
    scores, labels, splits = tables()
    scores["Edema"] = np.random.default_rng(1).permutation(40).astype(float)
    alone = label_quality(scores, labels, splits, 400, 0).set_index("observation").loc["Edema"]
    pairs = splits.assign(patient_id=[f"p{i // 8}" for i in range(40)])
    together = label_quality(scores, labels, pairs, 400, 0).set_index("observation").loc["Edema"]
    assert alone["low"] < alone["auroc"] < alone["high"]
    assert together["auroc"] == alone["auroc"]
    assert (together["low"], together["high"]) != (alone["low"], alone["high"])


def test_a_split_without_scores_has_no_rows() -> None:
    scores, labels, splits = tables()
    assert label_quality(scores.iloc[:0], labels, splits, 10, 0).empty


def test_reliability_compares_probabilities_with_what_came_true() -> None:
    probabilities = np.array([[0.1], [0.1], [0.9], [0.9]])
    truth = np.array([[False], [True], [True], [True]])
    table = reliability(probabilities, truth, bins=2)
    assert table["predicted"].tolist() == pytest.approx([0.1, 0.9])
    assert table["observed"].tolist() == [0.5, 1.0]
    assert table["decisions"].tolist() == [2, 2]
    flat = reliability(np.full((3, 1), 0.4), np.array([[True], [False], [False]]))
    assert flat["decisions"].tolist() == [3]


def test_reliability_is_of_validation_and_test_and_never_of_training() -> None:
    scores, labels, splits = tables()
    probabilities = scores.assign(**dict.fromkeys(OBSERVATIONS, 0.5))
    splits["split"] = ["train"] * 20 + ["validation"] * 10 + ["test"] * 10
    table = label_reliability(probabilities, labels, splits).set_index("split")
    assert table["decisions"].to_dict() == {"validation": 140, "test": 140}
    # of 14 labels only Edema is positive, in each of these studies
    assert table["observed"].tolist() == pytest.approx([1 / 14, 1 / 14])
