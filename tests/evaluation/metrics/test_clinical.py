"""Clinical metrics equal scikit-learn's; policies and averages by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from coherent_cxr.chexpert import OBSERVATIONS, UncertainPolicy
from coherent_cxr.chexpert.codes import columns_of
from coherent_cxr.evaluation.metrics.clinical import binary, clinical_measures
from coherent_cxr.evaluation.metrics.label_sets import LABEL_SETS
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.rewards.clinical.f1_means import F1_MEANS, f1_means

STUDIES = 80


@pytest.fixture(scope="module")
def codes():
    dice = np.random.default_rng(0)
    choices = np.array([1, 0, -1, 2], dtype=np.int8)
    chance = [0.2, 0.3, 0.1, 0.4]
    return tuple(dice.choice(choices, (STUDIES, 14), p=chance) for _ in range(2))


def values_of(candidates, references, weights=None):
    weights = np.ones((1, len(candidates))) if weights is None else weights
    return {
        metric._replace(rules=""): value
        for measure in clinical_measures(candidates, references, "corrected")
        for metric, value in zip(measure.metrics, measure.values(weights)[0], strict=True)
    }


@pytest.mark.parametrize("policy", ["as_negative", "as_positive"])
@pytest.mark.parametrize("labels", list(LABEL_SETS))
@pytest.mark.parametrize("average", ["micro", "macro", "example", "weighted"])
def test_averages_are_those_of_scikit_learn(codes, policy, labels, average):
    candidates, references = codes
    positive = [1, -1] if policy == "as_positive" else [1]
    chosen = columns_of(LABEL_SETS[labels])
    written = np.isin(candidates[:, chosen], positive)
    wanted = np.isin(references[:, chosen], positive)
    expected = precision_recall_fscore_support(
        wanted, written, average="samples" if average == "example" else average, zero_division=0
    )
    values = values_of(candidates, references)
    for name, value in zip(("precision", "recall", "F1"), expected[:3], strict=True):
        if average != "weighted" or name == "F1":
            assert values[Metric(name, labels, average, policy)] == pytest.approx(value, abs=1e-12)


def test_each_label_is_that_of_scikit_learn_also_where_uncertain_cells_are_left_out(codes):
    candidates, references = codes
    values = values_of(candidates, references)
    for column, label in enumerate(OBSERVATIONS):
        counted = (candidates[:, column] != -1) & (references[:, column] != -1)
        wanted, written = references[counted, column] == 1, candidates[counted, column] == 1
        precision, recall, f1, _ = precision_recall_fscore_support(
            wanted, written, average="binary", zero_division=0
        )
        expected = {"precision": precision, "recall": recall, "F1": f1}
        expected |= {"accuracy": accuracy_score(wanted, written), "specificity": (~written)[~wanted].mean()}
        for name, value in expected.items():
            assert values[Metric(name, label, "", "ignore")] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("policy", "written", "wanted", "counts"),
    [
        ("as_negative", [1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]),
        ("as_positive", [1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]),
        ("ignore", [0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 1]),
    ],
)
def test_the_policies_by_hand(policy, written, wanted, counts):
    candidates, references = np.array([[1, 0, -1, 2]], np.int8), np.array([[-1, 1, 0, 2]], np.int8)
    found = binary(candidates, references, UncertainPolicy(policy))
    assert [part[0].astype(int).tolist() for part in found] == [written, wanted, counts]


def test_accuracy_and_specificity_per_example_by_hand():
    references, candidates = np.full((2, 14), 2, np.int8), np.full((2, 14), 2, np.int8)
    references[0, 2], candidates[0, 3] = 1, 1  # one missed, one invented: 12 of 14 right, 12 of 13 negatives
    references[1, 4], candidates[1, 5] = -1, 1  # one uncertain, one invented
    values = values_of(candidates, references)
    for policy, accuracy, specificity in (
        ("as_negative", (12 / 14 + 13 / 14) / 2, (12 / 13 + 13 / 14) / 2),
        ("as_positive", (12 / 14 + 12 / 14) / 2, (12 / 13 + 12 / 13) / 2),
        ("ignore", (12 / 14 + 12 / 13) / 2, (12 / 13 + 12 / 13) / 2),
    ):
        assert values[Metric("accuracy", "14 labels", "example", policy)] == pytest.approx(accuracy)
        assert values[Metric("specificity", "14 labels", "example", policy)] == pytest.approx(specificity)


def test_the_means_of_f1_are_those_that_training_sees(codes):
    candidates, references = codes
    values = values_of(candidates, references)
    means = f1_means(candidates == 1, references == 1)
    assert len(means) == len(F1_MEANS)
    for mean in F1_MEANS:
        found = values[Metric("F1", mean.labels, mean.average, "as_negative")]
        assert found == pytest.approx(means[mean.key], abs=1e-12)


def test_a_resample_keeps_the_labels_of_the_whole_set():
    references = np.full((12, 14), 2, np.int8)
    references[:10, 2], references[0, 4] = 1, 1
    weights = np.zeros((1, 12))
    weights[0, 0], weights[0, 11] = 3, 9  # of the ten positives one is left, three times
    values = values_of(references, references, weights)
    assert values[Metric("F1", "labels with 10 positive references", "macro", "as_negative")] == 1
    assert values[Metric("F1", "labels with a positive reference", "macro", "as_negative")] == 1
    weights[0, 0] = 0
    values = values_of(references, references, weights)
    assert values[Metric("F1", "labels with 10 positive references", "macro", "as_negative")] == 0


def test_a_mean_over_no_label_is_not_defined():
    nothing = np.full((3, 14), 2, np.int8)
    assert np.isnan(
        values_of(nothing, nothing)[Metric("F1", "labels with a positive reference", "macro", "ignore")]
    )


def test_negatives_are_judged_apart_from_positives():
    references = np.full((4, 14), 2, dtype=np.int8)
    effusion = OBSERVATIONS.index("Pleural Effusion")
    references[:, effusion] = [0, 0, 0, 1]
    candidates = references.copy()
    candidates[:, effusion] = [0, 2, 1, 0]  # one denial met, one left out, one turned round, one invented
    values = values_of(candidates, references)
    assert values[Metric("recall of negatives", "Pleural Effusion")] == pytest.approx(1 / 3)
    assert values[Metric("precision of negatives", "Pleural Effusion")] == pytest.approx(1 / 2)
    assert values[Metric("F1", "Pleural Effusion", "", "as_negative")] == 0


def test_ccr_by_hand():
    references, candidates = np.full((2, 14), 2, np.int8), np.full((2, 14), 2, np.int8)
    column = OBSERVATIONS.index("Edema")
    references[0, column], candidates[0, column] = 1, -1  # 0.5 instead of 1
    references[1, column], candidates[1, column] = 1, 0  # 0 instead of 1
    values = values_of(candidates, references)
    assert values[Metric("CCR", "Edema")] == pytest.approx(0.25)
    assert values[Metric("CCR")] == pytest.approx(12.25)


def test_a_weighting_gives_what_the_repeated_studies_give(codes):
    candidates, references = codes
    weights = np.random.default_rng(1).integers(0, 4, STUDIES)
    rows = np.repeat(np.arange(STUDIES), weights)
    weighted = values_of(candidates, references, weights[None].astype(float))
    repeated = values_of(candidates[rows], references[rows])
    assert weighted == {metric: pytest.approx(value, abs=1e-12) for metric, value in repeated.items()}
