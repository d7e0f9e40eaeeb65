"""Splits by patient, a vocabulary of training words, reports as word ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.reports.encoding import (
    VocabularyBuildingConfig,
    count_corpus,
    split_overview,
    split_studies,
)
from coherent_cxr.reports.splits import SplitFileError, split_by_patient
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.encoded_corpus import corpus, encode_corpus
from helpers.settings import filled


def split_file(folder: Path, rows: list[tuple[str, str]]) -> str:
    path = folder / "split.csv"
    pd.DataFrame(rows, columns=["study_id", "split"]).to_csv(path, index=False)
    return str(path)


def test_patients_are_split_seven_one_two_and_never_cross():
    patients = pd.Series([f"P{n // 2}" for n in range(2000)])
    split = split_by_patient(patients, (7, 1, 2), seed=0)
    assert split.value_counts().to_dict() == {"train": 1400, "test": 400, "validation": 200}
    assert pd.DataFrame({"p": patients, "s": split}).groupby("p")["s"].nunique().max() == 1


def test_the_split_depends_on_patients_and_seed_alone():
    patients = pd.Series([f"P{n}" for n in range(100)])
    split = split_by_patient(patients, (7, 1, 2), seed=1)
    shuffled = patients.sample(frac=1, random_state=3)
    pd.testing.assert_series_equal(split_by_patient(shuffled, (7, 1, 2), seed=1).sort_index(), split)
    assert (split_by_patient(patients, (7, 1, 2), seed=2) != split).any()


def test_only_words_of_the_training_split_are_known():
    findings, studies, labels = corpus()
    encoded = encode_corpus(filled(VocabularyBuildingConfig, min_count=1), findings, studies, labels)
    training = set(encoded.splits.loc[encoded.splits["split"] == "train", "study_id"])
    known = set(encoded.vocabulary.tokens[4:-2])  # finding tokens stand last
    assert known == {"lungs", "clear", "word"} | {f"w{s[1:]}" for s in training}
    test = encoded.encoded_reports[encoded.encoded_reports["split"] == "test"].iloc[0]
    assert (
        test["sentences"][0][2] == Vocabulary.unk_id
    )  # behind mark and word; the sentence with the finding comes first
    assert (test["n_words"], test["n_unknown"]) == (4, 1)
    overview = split_overview(encoded.encoded_reports).set_index("split")
    assert overview.loc["train", "unknown"] == 0
    assert overview.loc["test", "unknown_share"] == pytest.approx(0.25)


def test_sentences_stay_as_written_if_asked():
    findings, studies, labels = corpus()
    config = filled(VocabularyBuildingConfig, min_count=1, sentence_order="as_written")
    encoded = encode_corpus(config, findings, studies, labels)
    first = encoded.encoded_reports["sentences"].str[0]
    assert {tuple(encoded.vocabulary.decode(sentence)) for sentence in first} == {("lungs", "clear")}


def test_rare_words_are_left_out_and_ties_are_by_spelling():
    reports = [[["b", "a", "c"]], [["b", "a"]], [["b", "z", "a", "z"]]]
    vocabulary = Vocabulary.from_reports(reports, min_count=2)
    assert vocabulary.tokens == ("<pad>", "<bos>", "<eos>", "<unk>", "a", "b", "z")
    assert vocabulary.encode(["z", "c"]) == [6, Vocabulary.unk_id]
    assert vocabulary.decode([5, 4]) == ["b", "a"]
    assert Vocabulary.from_dict(vocabulary.to_dict()).to_dict() == vocabulary.to_dict()


@pytest.mark.parametrize("wrong", [["a", "b"], ["<pad>", "<bos>", "<eos>", "<unk>", "x", "x"]])
def test_a_vocabulary_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must begin with|more than once"):
        Vocabulary(wrong, {}, 1)


def test_a_users_split_file_is_followed_and_studies_it_leaves_out_are_excluded(tmp_path):
    findings, studies, labels = corpus(4, 4)
    file = split_file(tmp_path, [("S0", "train"), ("S1", "val"), ("S2", "TEST")])
    encoded = encode_corpus(
        filled(VocabularyBuildingConfig, split_file=file, min_count=1), findings, studies, labels
    )
    assert dict(zip(encoded.splits["study_id"], encoded.splits["split"], strict=True)) == {
        "S0": "train",
        "S1": "validation",
        "S2": "test",
    }
    assert encoded.exclusions[["id", "reason"]].to_numpy().tolist() == [["S3", "not_in_split_file"]]
    assert len(encoded.encoded_reports) + len(encoded.exclusions) == len(findings)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("S0", "train"), ("S1", "holdout")], "names the split 'holdout'"),
        ([("S0", "train"), ("S0", "test")], "'S0' into two splits"),
        ([("S0", "train"), ("S2", "test")], r"lets 1 patients cross the splits.*'P0'"),
    ],
)
def test_a_split_file_that_would_leak_or_is_unclear_is_refused(tmp_path, rows, message):
    findings, studies, labels = corpus(4, 2)
    config = filled(VocabularyBuildingConfig, split_file=split_file(tmp_path, rows))
    with pytest.raises(SplitFileError, match=message):
        encode_corpus(config, findings, studies, labels)


def test_a_split_file_without_the_columns_is_refused(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("study,part\nS0,train\n")
    findings, studies, labels = corpus(4, 4)
    with pytest.raises(SplitFileError, match="no column study_id and split"):
        encode_corpus(filled(VocabularyBuildingConfig, split_file=str(path)), findings, studies, labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split_ratio": [7, 3]}, r"split_ratio\[2\]' has no value; it must be a positive whole number"),
        ({"split_ratio": [7, 1, 2, 1]}, "a list of 3 values"),
        ({"min_count": 0}, "a positive whole number"),
        ({"split_file": "no/such.csv"}, "existing CSV"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        filled(VocabularyBuildingConfig, **settings)


@pytest.mark.parametrize("missing", ["train", "validation", "test"])
def test_a_split_without_studies_is_named_before_any_work(tmp_path, missing):
    findings, studies, labels = corpus(4, 4)
    named = [split for split in ("train", "validation", "test") if split != missing]
    file = split_file(tmp_path, [("S0", named[0]), ("S1", named[1]), ("S2", named[1])])
    with pytest.raises(ValueError, match=rf"of 4 studies with findings there are .*0 in {missing}"):
        encode_corpus(filled(VocabularyBuildingConfig, split_file=file), findings, studies, labels)


@pytest.mark.parametrize(("count", "patients"), [(0, 1), (1, 1), (2, 2), (40, 1), (40, 2)])
def test_too_few_patients_for_three_splits_are_refused(count, patients):
    with pytest.raises(ValueError, match=f"A split has no study: of {count} studies"):
        encode_corpus(filled(VocabularyBuildingConfig), *corpus(count, patients))


@pytest.mark.parametrize("finding_tokens", [True, False])
@pytest.mark.parametrize("min_count", [41, 10**6])
def test_a_count_that_leaves_no_word_is_refused(min_count, finding_tokens):
    config = filled(VocabularyBuildingConfig, min_count=min_count, finding_tokens=finding_tokens)
    with pytest.raises(
        ValueError, match=rf"min_count is {min_count}, and the most frequent word .* 28 times"
    ):
        encode_corpus(config, *corpus())
    enough = filled(VocabularyBuildingConfig, min_count=28, finding_tokens=finding_tokens)
    assert set(encode_corpus(enough, *corpus()).vocabulary.counts) == {"clear", "lungs", "word"}


@pytest.mark.parametrize("tokens", [[], [[]], [[], []]])
def test_reports_without_words_leave_nothing_to_learn(tokens):
    findings, studies, labels = corpus()
    findings["tokens"] = [tokens] * len(findings)
    with pytest.raises(ValueError, match="reports of the 28 training studies hold no words"):
        encode_corpus(filled(VocabularyBuildingConfig), findings, studies, labels)


def test_pieces_are_counted_as_the_whole():
    findings, studies, labels = corpus()
    config = filled(VocabularyBuildingConfig, min_count=1)
    splits = split_studies(config, findings, studies).splits
    whole = count_corpus(config, splits, [findings], [labels])
    assert whole.occurrences == {"Edema": (splits["split"] == "train").sum()}
    parts = count_corpus(
        config, splits, [findings[:7], findings[7:7], findings[7:]], [labels[:3], labels[3:]]
    )
    assert parts.vocabulary.to_dict() == whole.vocabulary.to_dict()
    assert parts.occurrences == whole.occurrences


def test_sentences_without_labels_are_named():
    findings, studies, labels = corpus()
    with pytest.raises(ValueError, match="sentences of 2 studies have no labels, for example those of 'S38'"):
        encode_corpus(filled(VocabularyBuildingConfig), findings, studies, labels[:-4])


def test_shares_come_out_for_many_ratios():
    patients = pd.Series(np.arange(1000).astype(str))
    counts = split_by_patient(patients, (8, 1, 1), seed=0).value_counts()
    assert counts.to_dict() == {"train": 800, "validation": 100, "test": 100}
