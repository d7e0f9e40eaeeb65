"""What two runs' resamples say about their difference, by hand and on real reports."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import summarise
from coherent_cxr.evaluation.report.comparison.changes import Paired, Range, changes, in_words, paired
from coherent_cxr.evaluation.scoring import metrics_table, score_systems
from coherent_cxr.evaluation.statistics.resamples import (
    Resamples,
    headline_resamples,
    references_digest,
    why_not_paired,
)
from coherent_cxr.evaluation.tables import KEYS
from helpers.settings import filled

CONFIG = filled(EvaluationConfig, resamples=200, meteor=False)
STEP = 1 / 1024  # exact in float32


def recorded(values: dict[tuple[str, str], list[float]], **basis: object) -> Resamples:
    rows = [
        (system, metric, number, np.float32(value))
        for (system, metric), own in values.items()
        for number, value in enumerate(own)
    ]
    same = {"references": "d", "seed": 0, "uncertain": "as_negative", "tokenization": "house"} | basis
    return Resamples.of(pd.DataFrame(rows, columns=["system", "metric", "resample", "value"]).assign(**same))


def test_a_difference_that_is_always_above_zero_is_significant_by_hand():
    # differences 1 ... 101: the 2.5 % point lies between the 3rd and 4th of 101, p is 2 * (0 + 1) / 102
    found = paired(np.arange(1, 102) * STEP)
    assert found == Paired(pytest.approx((3.5 * STEP, 98.5 * STEP)), pytest.approx(2 / 102), "higher")
    assert paired(-np.arange(1, 102) * STEP).significance == "lower"


def test_a_difference_around_zero_may_be_chance_by_hand():
    # differences -50 ... 50: 51 are not above zero and 51 not below, twice (51 + 1) / 102 is more than 1
    assert paired(np.arange(-50, 51) * STEP) == Paired(
        pytest.approx((-47.5 * STEP, 47.5 * STEP)), 1.0, "chance"
    )


def test_changes_of_two_runs_by_hand():
    before = [0.25] * 101
    after = [0.25 + k * STEP for k in range(1, 102)]
    first = recorded({("mle", "BLEU-4"): before, ("mle", "CCR"): after, ("old", "CCR"): before})
    second = recorded({("mle", "BLEU-4"): after, ("mle", "CCR"): after})
    found = changes(
        {"mle": {"BLEU-4": 0.25, "CCR": 0.3}, "old": {"CCR": 0.25}},
        {"mle": {"BLEU-4": 0.3, "CCR": 0.3}},
        first,
        second,
    )
    bleu = found["mle"]["BLEU-4"]
    assert bleu.difference == pytest.approx(0.05)
    assert bleu.first_interval == Range(0.25, 0.25)
    assert bleu.second_interval == pytest.approx((0.25 + 3.5 * STEP, 0.25 + 98.5 * STEP))
    assert bleu.paired == Paired(pytest.approx((3.5 * STEP, 98.5 * STEP)), pytest.approx(2 / 102), "higher")
    assert found["mle"]["CCR"].paired == Paired(Range(0, 0), 1.0, "same")
    assert found["old"]["CCR"].paired is None
    assert found["old"]["CCR"].first_interval == Range(0.25, 0.25)
    assert in_words(found, ["BLEU-4", "CCR", "absent"]) == [
        "BLEU-4: significantly higher in the second run for mle (+0.050).",
        "CCR: the same for mle.",
    ]


def test_resamples_are_paired_by_number_whatever_the_order_of_the_rows():
    table = pd.DataFrame({"system": "s", "metric": "m", "resample": [2, 0, 1], "value": [3.0, 1.0, 2.0]})
    table = table.assign(references="d", seed=0, uncertain="ignore", tokenization="house")
    assert Resamples.of(table).values["s", "m"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("basis", "sentence"),
    [
        ({"references": "e"}, "Their test references differ"),
        ({"seed": 3}, "other seeds, 0 and 3"),
        ({"uncertain": "ignore"}, "counted as negative and for nothing"),
        ({"tokenization": "ptb"}, "house and ptb tokens"),
    ],
)
def test_another_basis_gives_no_paired_claim_but_the_runs_own_intervals(basis, sentence):
    values = {("mle", "BLEU-4"): [0.25, 0.5, 0.75]}
    first, second = recorded(values), recorded(values, **basis)
    (said,) = why_not_paired(first, second)
    assert sentence in said
    change = changes({"mle": {"BLEU-4": 0.5}}, {"mle": {"BLEU-4": 0.5}}, first, second)["mle"]["BLEU-4"]
    assert change.paired is None
    assert change.first_interval == change.second_interval == pytest.approx((0.2625, 0.7375))


def test_other_numbers_of_resamples_are_not_paired():
    first, second = (recorded({("mle", "CCR"): [0.5] * count}) for count in (3, 4))
    assert why_not_paired(first, second) == ["Their numbers of resamples differ, 3 and 4."]


def test_a_run_without_the_table_is_named():
    one = recorded({("mle", "CCR"): [0.5]})
    assert why_not_paired(one, one) == []
    assert why_not_paired(None, one)[0].startswith("The first run did not record")
    assert why_not_paired(one, None)[0].startswith("The second run did not record")
    assert why_not_paired(None, None)[0].startswith("Neither run recorded")


def test_a_table_that_lacks_resamples_is_refused():
    table = pd.DataFrame({"system": ["a", "a", "b"], "metric": "m", "resample": [0, 1, 0], "value": 0.5})
    with pytest.raises(ValueError, match=r"not the same number of resamples: \[1, 2\]"):
        Resamples.of(table)
    with pytest.raises(ValueError, match="no row"):
        Resamples.of(table[:0])


def test_the_recorded_resamples_give_the_intervals_of_the_results_page(scores, references):
    table = headline_resamples(scores, CONFIG, references)
    assert table["value"].dtype == np.float32
    found = Resamples.of(table)
    assert found.basis.resamples == 200
    assert ("silent", "BLEU-4") not in found.values
    wanted = metrics_table(scores).set_index(["system", *KEYS])
    for name, key in (
        ("BLEU-4", ("BLEU-4", "", "", "", "")),
        ("macro-14-F1 original", ("F1", "14 labels", "macro", "as_negative", "original")),
    ):
        low, high = wanted.loc[("others", *key), ["low", "high"]]
        own = changes({"others": {name: 0}}, {"others": {name: 0}}, found, found)["others"][name]
        assert own.first_interval == pytest.approx((low, high), abs=1e-7)


def test_the_table_holds_no_study_and_no_report(scores, references):
    table = headline_resamples(scores, CONFIG, references)
    assert list(table) == [
        "system", "metric", "resample", "value", "references", "seed", "uncertain", "tokenization",
    ]  # fmt: skip
    said = set(table.select_dtypes(exclude="number").to_numpy().ravel())
    assert said.isdisjoint({*references.study_ids, *references.patients, *references.texts})


def test_the_same_evaluation_twice_differs_nowhere_and_a_worse_system_does(outputs, references):
    def run(changed):
        scores = score_systems(CONFIG, [outputs[0], changed], references)
        return summarise(scores, "as_negative"), Resamples.of(headline_resamples(scores, CONFIG, references))

    perfect = outputs[2]
    worse = dataclasses.replace(outputs[1], name="perfect")
    (first, a), (again, b), (second, c) = run(perfect), run(perfect), run(worse)
    alike = changes(first, again, a, b)
    assert {
        change.paired.significance for own in alike.values() for change in own.values() if change.paired
    } == {"same"}
    found = changes(first, second, a, c)
    assert found["perfect"]["BLEU-4"].paired.significance == "lower"
    assert found["perfect"]["BLEU-4"].paired.p_value == pytest.approx(2 / 201)
    assert found["silent"]["macro-F1 corrected"].paired.significance == "same"


def test_the_digest_sees_every_part_of_the_references_and_no_order(references):
    own = references_digest(references)
    order = np.random.default_rng(0).permutation(len(references.study_ids))
    lists = {
        name: [getattr(references, name)[i] for i in order] for name in ("study_ids", "patients", "texts")
    }
    moved_codes = {rules: codes[order] for rules, codes in references.codes.items()}
    moved = dataclasses.replace(references, codes=moved_codes, **lists)
    assert references_digest(moved) == own
    other = references.codes["original"].copy()
    other[0, 0] = 1 - other[0, 0]
    codes = {**references.codes, "original": other}
    others = [
        dataclasses.replace(references, codes=codes),
        dataclasses.replace(references, texts=["other .", *references.texts[1:]]),
        dataclasses.replace(references, patients=["other", *references.patients[1:]]),
        dataclasses.replace(references, study_ids=["other", *references.study_ids[1:]]),
    ]
    assert len({own, *map(references_digest, others)}) == 5
