"""Sentences that state a finding are learnt first."""

import pandas as pd

from coherent_cxr.reports import ordering
from coherent_cxr.reports.affirmed_findings import count_affirmed


def findings_first(labels: pd.DataFrame, training: set[str]) -> dict[str, list[int]]:
    return ordering.findings_first(labels, count_affirmed([labels], training))


def sentence_labels(rows: list[tuple[str, int, int | None, int | None, int | None]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["study_id", "sentence", "No Finding", "Edema", "Fracture"])
    return table.astype(dict.fromkeys(("No Finding", "Edema", "Fracture"), "Int8"))


def test_affirmed_findings_come_first_then_uncertain_and_other_ones_then_normal_sentences():
    labels = sentence_labels(
        [
            ("S", 0, 1, None, 0),  # no fracture
            ("S", 1, None, -1, None),  # possible edema
            ("S", 2, 1, None, None),  # clear lungs
            ("S", 3, None, None, None),  # degenerative change: a finding outside the observations
            ("S", 4, None, 1, None),  # edema
        ]
    )
    assert findings_first(labels, {"S"}) == {"S": [4, 1, 3, 0, 2]}


def test_of_affirmed_findings_the_rarest_in_training_comes_first():
    common = [("T", n, None, 1, None) for n in range(3)]
    rare = [("U", 0, None, 1, None), ("U", 1, None, 1, 1)]
    unseen = [("V", n, None, None, 1) for n in range(9)]
    labels = sentence_labels(common + rare + unseen)
    order = findings_first(labels, {"T", "U"})
    assert order["T"] == [0, 1, 2]
    assert order["U"] == [1, 0]


def test_rarity_is_counted_on_the_training_split_alone():
    labels = sentence_labels(
        [("A", 0, None, 1, None), ("A", 1, None, None, 1), ("B", 0, None, 1, None), ("C", 0, None, None, 1)]
        + [("D", n, None, None, 1) for n in range(5)]
    )
    assert findings_first(labels, {"A", "B"})["A"] == [1, 0]
    assert findings_first(labels, {"A", "B", "C", "D"})["A"] == [0, 1]
