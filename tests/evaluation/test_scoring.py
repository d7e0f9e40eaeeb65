"""Tables of scores: order, intervals, comparisons, and outputs that cannot be scored."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.tables import judges
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import summarise
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table, score_systems
from coherent_cxr.evaluation.systems import (
    UnequalStudiesError,
    judge_labels,
    label_reports,
    outputs_of,
    references_of,
    without_repeated_sentences,
)
from coherent_cxr.evaluation.systems import test_studies as studies_of_test_split
from coherent_cxr.reports.text import tokenize_findings
from helpers.settings import filled

JUDGES = judges(["corrected", "original"])


def test_the_perfect_system_is_perfect_and_a_system_without_text_has_no_language(scores):
    summary = summarise(scores, "as_negative")
    assert summary["perfect"]["BLEU-4"] == pytest.approx(1)
    assert summary["perfect"]["micro-14-F1 corrected"] == summary["perfect"]["micro-14-F1 original"] == 1
    assert all(summary["silent"][name] is None for name in ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr-D"))
    assert summary["silent"]["micro-14-F1 corrected"] == 0
    assert summary["others"]["BLEU-4"] < 0.5


NORMAL_SIZE = "The heart size appears within normal limits."


def test_both_judges_judge_and_each_number_names_its_own():
    """`original` repeats the first tool's error and reads a normal heart as an enlarged one."""
    studies = pd.DataFrame({"study_id": ["a", "b"], "text": [NORMAL_SIZE, "The heart is enlarged."]})
    studies["tokens"] = [tokenize_findings(text).tokens for text in studies["text"]]
    written = studies.assign(system="copy", report=[NORMAL_SIZE, NORMAL_SIZE])
    labels = judge_labels(JUDGES, studies["text"], {"study_id": studies["study_id"]})
    splits = studies[["study_id"]].assign(patient_id=["1", "2"], split="test")
    references = references_of(["a", "b"], studies, labels, splits)
    outputs = outputs_of(written, label_reports(JUDGES, written), references)
    scores = score_systems(filled(EvaluationConfig, resamples=100, meteor=False), outputs, references)
    summary = summarise(scores, "as_negative")["copy"]
    assert summary["micro-5-F1 original"] == 1
    assert summary["micro-5-F1 corrected"] == 0
    clinical = [name for name in summary if " " in name]
    assert [name.split()[1] for name in clinical] == ["corrected"] * 8 + ["original"] * 8
    table = metrics_table(scores)
    assert list(dict.fromkeys(table["rules"])) == ["", "corrected", "original"]
    assert set(table.loc[table["rules"] == "", "uncertain"]) == {""}


def test_intervals_hold_the_value_and_every_metric_has_one(scores):
    table = metrics_table(scores)
    additive = ~table["metric"].isin(["distinct-1", "distinct-2", "unique reports", "commonest report"])
    assert (table["low"] <= table["high"] + 1e-12).all()
    inside = (table["low"] <= table["value"] + 1e-9) & (table["value"] <= table["high"] + 1e-9)
    # a percentile interval of a macro average of rare labels may lie below its value
    assert inside[additive & (table["average"] != "macro")].mean() > 0.97


def test_comparisons_name_each_pair_once_with_its_difference(scores):
    table = comparisons_table(scores)
    chosen = table[(table["metric"] == "BLEU-4")]
    assert chosen[["system", "other"]].to_numpy().tolist() == [["others", "perfect"]]
    row = chosen.iloc[0]
    expected = scores.value("others", Metric("BLEU-4")) - scores.value("perfect", Metric("BLEU-4"))
    assert row["difference"] == pytest.approx(expected)
    assert row["p_value"] == pytest.approx(2 / 201)


def test_the_order_of_the_studies_changes_no_value(outputs, references):
    order = np.random.default_rng(3).permutation(len(references.study_ids))
    moved = dataclasses.replace(
        references,
        study_ids=[references.study_ids[i] for i in order],
        patients=[references.patients[i] for i in order],
        texts=[references.texts[i] for i in order],
        codes={rules: codes[order] for rules, codes in references.codes.items()},
    )
    other = outputs[1]
    moved_output = dataclasses.replace(
        other,
        texts=[other.texts[i] for i in order],
        codes={rules: codes[order] for rules, codes in other.codes.items()},
    )
    config = filled(EvaluationConfig, resamples=100, meteor=False)
    before = score_systems(config, [other], references)
    after = score_systems(config, [moved_output], moved)
    np.testing.assert_allclose(after.measured, before.measured, atol=1e-12)
    # patients are sorted before drawing, so even the resamples agree
    np.testing.assert_allclose(after.resampled, before.resampled, atol=1e-9)


@pytest.fixture
def tables(findings):
    own = findings[:6]
    splits = own[["study_id", "patient_id"]].assign(split=["train", "train"] + ["test"] * 4)
    labels = judge_labels(JUDGES, own["text"], {"study_id": own["study_id"]})
    generated = own[2:][["study_id", "tokens"]].assign(system="copy", report=own["text"][2:])
    return own, splits, labels, generated


def test_only_test_studies_with_findings_and_an_image_are_judged(tables):
    findings, splits, _, _ = tables
    ids = findings["study_id"].tolist()
    assert studies_of_test_split(findings, splits, [ids[0], ids[4], ids[3], "elsewhere"]) == [ids[3], ids[4]]


def test_outputs_are_brought_into_the_references_order(tables):
    findings, splits, labels, generated = tables
    references = references_of(findings["study_id"][2:].tolist(), findings, labels, splits)
    shuffled = generated.iloc[::-1]
    outputs = outputs_of(shuffled, label_reports(JUDGES, shuffled), references)
    assert outputs[0].texts == references.texts
    for rules in ("corrected", "original"):
        assert (outputs[0].codes[rules] == references.codes[rules]).all()
    assert len(references.training) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[1:], r"'copy' has no report for 1 of 4 studies"),
        (lambda t: pd.concat([t, t[:1]]), r"more than one report for study"),
        (lambda t: pd.concat([t, t[:1].assign(study_id="X")]), r"1 studies without a reference.*'X'"),
    ],
)
def test_a_system_that_did_not_answer_for_the_same_studies_is_named(tables, change, message):
    findings, splits, labels, generated = tables
    references = references_of(findings["study_id"][2:].tolist(), findings, labels, splits)
    changed = change(generated)
    with pytest.raises(UnequalStudiesError, match=message):
        outputs_of(changed, label_reports(JUDGES, changed), references)


def test_repeated_sentences_are_dropped_but_counted(tables):
    findings, splits, labels, generated = tables
    doubled = generated.assign(tokens=[[*report, report[0]] for report in generated["tokens"]])
    processed = without_repeated_sentences(doubled)
    assert processed["tokens"].tolist() == generated["tokens"].tolist()
    references = references_of(findings["study_id"][2:].tolist(), findings, labels, splits)
    output = outputs_of(processed, label_reports(JUDGES, processed), references)[0]
    assert output.repeats[:, 0].tolist() == [1, 1, 1, 1]
    kept = without_repeated_sentences(doubled, remove=False)
    assert kept["tokens"].tolist() == kept["unprocessed"].tolist() == doubled["tokens"].tolist()
    assert set(label_reports(JUDGES, processed).columns) == {"rules", "system", "study_id", *OBSERVATIONS}
