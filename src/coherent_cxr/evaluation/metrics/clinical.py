"""Clinical measures: whether a generated report has the same findings as its reference, by CheXpert labels.

Codes are 1 positive, 0 negative, -1 uncertain, 2 absent. "Positive" is the class that is looked for; negative
and absent both count as not positive, and what uncertain counts as is a named policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS, UncertainPolicy
from coherent_cxr.chexpert.codes import DEFAULT_TYPES, columns_of
from coherent_cxr.chexpert.observations import how_many
from coherent_cxr.evaluation.metrics.label_sets import LABEL_SETS
from coherent_cxr.evaluation.metrics.measures import Array, Measure, Metric, SumMeasure, mean_measure, ratio
from coherent_cxr.rewards import ccr
from coherent_cxr.rewards.clinical.f1_means import F1_MEANS

Codes = NDArray[np.int8]
NAMES = ("accuracy", "precision", "recall", "specificity", "F1")


def clinical_measures(candidates: Codes, references: Codes, rules: str) -> list[Measure]:
    """Return every clinical measure under every policy.

    Args:
        candidates: Label codes of the generated reports ``(studies, 14)``.
        references: Label codes of the references, in the same order.
        rules: Rule set of the labeller that gave both.
    """
    measures: list[SumMeasure] = []
    for policy in UncertainPolicy:
        predicted, expected, counts = binary(candidates, references, policy)
        measures.append(confusion_measure(predicted, expected, counts, str(policy)))
        measures.append(example_measure(predicted, expected, counts, str(policy)))
    measures.append(negation_measure(candidates, references))
    measures.append(coherence_measure(candidates, references))
    named = [[metric._replace(rules=rules) for metric in measure.metrics] for measure in measures]
    return [replace(measure, metrics=metrics) for measure, metrics in zip(measures, named, strict=True)]


def binary(
    candidates: Codes, references: Codes, policy: UncertainPolicy
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Apply a policy for uncertain labels.

    Returns:
        Predicted positives, reference positives, and which cells count; each ``(studies, 14)``. ``ignore``
        leaves out a cell in which either label is uncertain.
    """
    predicted, expected = candidates == 1, references == 1
    uncertain_predicted, uncertain_expected = candidates == -1, references == -1
    counts = np.ones(predicted.shape, dtype=bool)
    if policy is UncertainPolicy.AS_POSITIVE:
        predicted, expected = predicted | uncertain_predicted, expected | uncertain_expected
    elif policy is UncertainPolicy.IGNORE:
        counts = ~(uncertain_predicted | uncertain_expected)
    return predicted & counts, expected & counts, counts


def confusion_measure(
    predicted: NDArray[np.bool_], expected: NDArray[np.bool_], counts: NDArray[np.bool_], uncertain: str
) -> SumMeasure:
    """Accuracy, precision, recall, specificity and F1 per label, and micro and macro over each label set.

    Macro is the mean over all labels of the set, a label without any positive counting 0, as in scikit-learn;
    of F1 there is also the mean in which a label counts as often as it is positive (weighted);
    the means of F1 over labels with enough positive references are those of
    :mod:`coherent_cxr.rewards.clinical.f1_means`, not defined where there is no such label.
    """
    positives = expected.sum(axis=0)
    with_enough = [mean for mean in F1_MEANS if mean.at_least]
    cells = np.stack(
        [
            predicted & expected,
            predicted & ~expected & counts,
            ~predicted & expected,
            ~predicted & ~expected & counts,
        ],
        axis=1,
    )  # (studies, 4, 14)
    metrics = [Metric(name, label, "", uncertain) for label in OBSERVATIONS for name in NAMES]
    for labels in LABEL_SETS:
        metrics += [Metric(name, labels, how, uncertain) for how in ("micro", "macro") for name in NAMES]
        metrics.append(Metric("F1", labels, "weighted", uncertain))
    metrics += [Metric("F1", mean.labels, mean.average, uncertain) for mean in with_enough]

    def finish(sums: Array) -> Array:
        table = sums.reshape(len(sums), 4, len(OBSERVATIONS))
        of_label = rates(table)  # (weightings, 14, 5)
        parts = [of_label.reshape(len(sums), -1)]
        for labels in LABEL_SETS.values():
            chosen = columns_of(labels)
            parts.append(rates(table[:, :, chosen].sum(axis=2)))
            parts.append(of_label[:, chosen].mean(axis=1))
            held = table[:, 0, chosen] + table[:, 2, chosen]  # positives of each label in the weighting
            f1 = of_label[:, chosen, NAMES.index("F1")]
            parts.append(ratio((held * f1).sum(axis=1), held.sum(axis=1))[:, None])
        for mean in with_enough:
            f1 = of_label[:, mean.columns(positives), NAMES.index("F1")]
            parts.append(f1.mean(axis=1, keepdims=True) if f1.shape[1] else np.full((len(sums), 1), np.nan))
        return np.concatenate(parts, axis=1)

    return SumMeasure(metrics, cells.reshape(len(cells), -1).astype(np.uint8), finish)


def rates(table: Array) -> Array:
    """Compute the five rates of :data:`NAMES` from counts.

    Args:
        table: True positives, false positives, false negatives, true negatives along axis 1
            ``(weightings, 4, ...)``.

    Returns:
        ``(weightings, ..., 5)``.
    """
    tp, fp, fn, tn = (table[:, i] for i in range(4))
    return np.stack(
        [
            ratio(tp + tn, tp + fp + fn + tn),
            ratio(tp, tp + fp),
            ratio(tp, tp + fn),
            ratio(tn, tn + fp),
            ratio(2 * tp, 2 * tp + fp + fn),
        ],
        axis=-1,
    )


def example_measure(
    predicted: NDArray[np.bool_], expected: NDArray[np.bool_], counts: NDArray[np.bool_], uncertain: str
) -> SumMeasure:
    """The five rates of each study's own labels, mean over studies (scikit-learn's ``samples``).

    A study without a positive on either side scores 0 in precision, recall and F1, so values over few labels
    are small by construction.
    """
    metrics, scores = [], []
    for name, labels in LABEL_SETS.items():
        w, r, c = (cells[:, columns_of(labels)] for cells in (predicted, expected, counts))
        table = np.stack([w & r, w & ~r & c, ~w & r, ~w & ~r & c], axis=1).sum(axis=2)  # (studies, 4)
        scores.append(rates(table.astype(np.float64)))
        metrics += [Metric(what, name, "example", uncertain) for what in NAMES]
    return mean_measure(metrics, np.concatenate(scores, axis=1))


def negation_measure(candidates: Codes, references: Codes) -> SumMeasure:
    """Agreement on what is explicitly denied: precision, recall and F1 of the label "negative", apart.

    Kept apart from agreement on positives because denying everything is easy and often right.
    """
    labels = LABEL_SETS[how_many("findings")]  # "No Finding" is never denied
    chosen = columns_of(labels)
    predicted, expected = candidates[:, chosen] == 0, references[:, chosen] == 0
    cells = np.stack(
        [predicted & expected, predicted & ~expected, ~predicted & expected, ~predicted & ~expected], axis=1
    )
    names = ("precision of negatives", "recall of negatives", "F1 of negatives")
    metrics = [Metric(name, label) for label in labels for name in names]
    metrics += [Metric(name, how_many("findings"), how) for how in ("micro", "macro") for name in names]

    def finish(sums: Array) -> Array:
        table = sums.reshape(len(sums), 4, len(labels))
        of_label = rates(table)[..., [1, 2, 4]]
        pooled = rates(table.sum(axis=2))[..., [1, 2, 4]]
        return np.concatenate([of_label.reshape(len(sums), -1), pooled, of_label.mean(axis=1)], axis=1)

    return SumMeasure(metrics, cells.reshape(len(cells), -1).astype(np.uint8), finish)


def coherence_measure(
    candidates: Codes, references: Codes, types: Sequence[str] = DEFAULT_TYPES
) -> SumMeasure:
    """The Clinically Coherent Reward of eq. (1), per type and summed over types; mean over studies."""
    chosen = columns_of(tuple(types))
    reward = np.asarray(ccr(candidates[:, chosen], references[:, chosen]), dtype=np.float64)
    scores = np.column_stack([reward.sum(axis=1), reward])
    return mean_measure([Metric("CCR"), *(Metric("CCR", label) for label in types)], scores)
