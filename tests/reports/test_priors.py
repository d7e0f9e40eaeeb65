"""The study before, by hand: equal dates, missing ones, other patients, splits."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.reports.encoding import VocabularyBuildingConfig, split_studies
from coherent_cxr.reports.priors import PriorStudy, prior_studies, prior_word_ids, priors_of
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.encoded_corpus import corpus, encode_corpus
from helpers.settings import filled


def priors(*rows: tuple[str, str, str | None, str | None]) -> dict[str, tuple[str, float]]:
    columns = ["study_id", "patient_id", "study_date", "study_time"]
    table = prior_studies(pd.DataFrame(rows, columns=columns).astype("str"))
    assert table["study_id"].tolist() == [row[0] for row in rows]
    there = table.dropna(subset=["prior_id"])
    assert table["interval_days"].notna().equals(table["prior_id"].notna())
    return {s: (p, round(d, 3)) for s, p, d in there.itertuples(index=False)}


def test_the_last_earlier_study_of_the_same_patient_whatever_the_order_of_the_rows():
    assert priors(
        ("c", "1", "2180-05-16", "06:00:00"),
        ("a", "1", "2180-05-01", "18:00:00"),
        ("other", "2", "2180-05-15", "18:00:00"),
        ("b", "1", "2180-05-02", "06:00:00"),
    ) == {"b": ("a", 0.5), "c": ("b", 14.0)}


def test_of_one_day_times_decide_and_equal_ones_decide_nothing():
    assert priors(
        ("z", "1", "2180-02-29", "08:00:00"),
        ("x", "1", "2180-03-01", "08:00:00"),
        ("y", "1", "2180-03-01", "08:00:00"),
        ("later", "1", "2180-03-01", "20:00:00"),
    ) == {"x": ("z", 1.0), "y": ("z", 1.0), "later": ("y", 0.5)}


def test_without_a_time_only_another_day_is_earlier():
    assert priors(
        ("a", "1", "2180-05-01", None),
        ("b", "1", "2180-05-01", "10:00:00"),
        ("c", "1", "2180-05-03", None),
        ("d", "1", "2180-05-03", "00:00:01"),
    ) == {"c": ("b", 2.0), "d": ("b", pytest.approx(1.583))}


def test_a_study_without_a_date_has_no_prior_and_is_none():
    assert priors(
        ("a", "1", None, "09:00:00"), ("b", "1", "2300-01-02", None), ("c", "1", "2300-01-01", None)
    ) == {"b": ("c", 1.0)}
    assert priors(("a", "1", None, None)) == {}


@given(st.lists(st.tuples(st.sampled_from("12"), st.integers(1, 4), st.sampled_from([None, "01", "23"]))))
def test_no_study_sees_its_future(made):
    rows = [
        (f"s{n}", patient, f"2180-05-0{day}", hour and f"{hour}:00:00")
        for n, (patient, day, hour) in enumerate(made)
    ]
    of = {row[0]: row[1:] for row in rows}
    for study, (prior, days) in priors(*rows).items():
        assert of[study][0] == of[prior][0]
        assert days >= 0
        assert of[prior][1] < of[study][1] or (of[prior][1] == of[study][1] and of[prior][2] < of[study][2])


def test_priors_travel_with_the_splits_and_stay_within_them():
    findings, studies, labels = corpus()
    config = filled(VocabularyBuildingConfig, min_count=1)
    assert "prior_id" not in split_studies(config, findings, studies).splits
    days = [f"2180-01-{1 + n // 20:02d}" for n in range(len(studies))]
    dated = studies.assign(study_date=days, study_time=None)
    encoded = encode_corpus(config, findings.iloc[1:], dated, labels)
    split_of = encoded.splits.set_index("study_id")["split"]
    reports = encoded.encoded_reports.set_index("study_id")
    assert reports.loc["S20", "prior_id"] == "S0"  # has no findings, and images perhaps
    with_prior = reports.dropna(subset=["prior_id"])
    assert len(with_prior) == 20
    assert (with_prior["interval_days"] == 1).all()
    for study, prior in with_prior["prior_id"].drop("S20").items():
        assert split_of[study] == split_of[prior]


def test_a_prior_brings_its_own_report_and_no_other():
    table = pd.DataFrame(
        {"study_id": ["a", "b", "c"], "prior_id": [None, "a", "x"], "interval_days": [None, 2.0, 3.0]}
    )
    clear, worse = [["lungs", "clear"], [], ["stable"]], [["worse", "since"]]
    findings = pd.DataFrame({"study_id": ["a", "b", "c"], "tokens": [clear, worse, worse]})
    found = priors_of(table, findings)
    assert found == {"b": PriorStudy("a", 2.0, clear), "c": PriorStudy("x", 3.0, ())}
    assert priors_of(table)["b"] == PriorStudy("a", 2.0)
    vocabulary = Vocabulary.from_counts({"lungs": 3, "clear": 2}, 1, ["<No Finding>", "§impression"])
    assert prior_word_ids(found, vocabulary) == {"a": [[4, 5], [3]], "x": []}
