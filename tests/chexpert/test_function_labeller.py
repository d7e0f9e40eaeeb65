"""A function of the user's own in the place of a rule set."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.codes import label_codes
from coherent_cxr.chexpert.function_labeller import FunctionLabeler, FunctionLabelerError, _packed, _unpacked
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from helpers.settings import filled

OWN = """
import numpy as np
asked = []
CODES = {"heart": (1, 1), "maybe": (-1, 1), "none": (0, 1)}
def by_word(texts):
    asked.extend(texts)
    labels = np.full((len(texts), 14), np.nan)
    for row, text in enumerate(texts):
        for word, (code, _) in CODES.items():
            if word in text:
                labels[row, 2] = code
    return labels
def lists(texts):
    return [[None] * 13 + [2] for _ in texts]
def short(texts):
    return np.zeros((len(texts), 13))
def strange(texts):
    return [[5] * 14 for _ in texts]
def words(texts):
    return ["positive" for _ in texts]
constant = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_it_labels_like_any_labeller_and_asks_once_for_each_text(own):
    labeler = FunctionLabeler(f"{own}:by_word")
    texts = pd.Series(
        ["big heart", "none", None, "maybe", "big heart", float("nan")], index=[9, 8, 7, 6, 5, 4]
    )
    table = labeler.label_many(texts)
    assert list(table.columns) == list(OBSERVATIONS)
    assert list(table.index) == [9, 8, 7, 6, 5, 4]
    assert set(table.dtypes.astype(str)) == {"Int8"}
    codes = label_codes(table, OBSERVATIONS)
    assert codes[:, 2].tolist() == [1, 0, 2, -1, 1, 2]
    assert (np.delete(codes, 2, axis=1) == 2).all()
    assert labeler.label("maybe")["Cardiomegaly"] == -1
    assert labeler.label("nothing")["Cardiomegaly"] is None
    assert labeler.explain("big heart") == []
    asked = __import__(own).asked
    assert sorted(asked) == sorted(["big heart", "none", "", "maybe", "nothing"])
    assert labeler.cache_statistics.hit_rate > 0
    with pytest.raises(TypeError, match="must be text or missing"):
        labeler.label_many([3])


def test_it_travels_to_other_processes_and_its_digest_follows_the_file(own, tmp_path):
    labeler = FunctionLabeler(f"{own}:by_word", 10)
    again = pickle.loads(pickle.dumps(labeler))
    assert (again.name, again.digest) == (labeler.name, labeler.digest) == (f"{own}:by_word", again.digest)
    assert FunctionLabeler(f"{own}:lists").digest != labeler.digest
    file = tmp_path / f"{own}.py"
    file.write_text(OWN + "# changed\n")
    assert FunctionLabeler(f"{own}:by_word").digest != labeler.digest


def test_the_setting_takes_a_function_for_either_judge(own):
    config = filled(ChexpertLabellingConfig, rules=f"{own}:by_word", beside="original")
    assert [judge.name for judge in config.judges()] == [f"{own}:by_word", "original"]
    findings = pd.DataFrame({"study_id": ["a"], "text": ["big heart"]})
    assert label_table(config.labeler(), findings)["Cardiomegaly"].tolist() == [1]
    second = filled(ChexpertLabellingConfig, rules="corrected", beside=f"{own}:lists")
    assert label_table(second.judges()[1], findings).iloc[0, 1:].isna().all()


@pytest.mark.parametrize("name", ["short", "strange", "words"])
def test_what_are_no_labels_is_said(own, name):
    with pytest.raises(FunctionLabelerError, match=rf"'{own}:{name}' returned .* shape \(1, 14\)"):
        FunctionLabeler(f"{own}:{name}").label("text")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere_at_all:f", "cannot be imported.*PYTHONPATH"),
        ("math:sine", "cannot be imported"),
        ("math:pi", "is no function"),
    ],
)
def test_what_is_no_function_is_said(path, message):
    with pytest.raises(FunctionLabelerError, match=message):
        FunctionLabeler(path)


@given(st.lists(st.sampled_from([1, 0, -1, 2]), min_size=14, max_size=14))
def test_codes_are_remembered_as_one_number(codes):
    assert list(_unpacked(_packed(codes))) == codes
