"""Language metrics equal pycocoevalcap's, on the whole set and on resamples of it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.metrics.language import bleu, cider_d, language_measures, rouge_l
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.metrics.meteor import java_is_there, meteor
from coherent_cxr.evaluation.metrics.protocols import ProtocolError, Reports, tokenizer
from coherent_cxr.evaluation.metrics.r2gen import R2GenConfig
from coherent_cxr.evaluation.scoring import metrics_table, score_systems
from helpers.settings import filled

needs_java = pytest.mark.skipif(not java_is_there(), reason="needs a java command that works")


def as_captions(texts):
    return {number: [text] for number, text in enumerate(texts)}


def test_bleu_rouge_and_cider_are_those_of_pycocoevalcap(pairs, capsys):
    candidates, references = pairs
    wanted, written = as_captions(references), as_captions(candidates)
    expected = [
        *Bleu(4).compute_score(wanted, written)[0],
        Rouge().compute_score(wanted, written)[0],
        Cider().compute_score(wanted, written)[0],
    ]
    whole = np.ones((1, len(candidates)))
    ours = np.concatenate([m.values(whole)[0] for m in language_measures(candidates, references)])
    np.testing.assert_allclose(ours, expected, atol=1e-9, rtol=0)


def test_a_weighting_gives_what_the_repeated_studies_give(pairs, capsys):
    candidates, references = pairs
    weights = np.random.default_rng(0).integers(0, 3, len(candidates))
    repeated = np.repeat(np.arange(len(candidates)), weights)
    wanted = as_captions([references[i] for i in repeated])
    written = as_captions([candidates[i] for i in repeated])
    row = weights[None].astype(float)
    np.testing.assert_allclose(
        bleu(candidates, references).values(row)[0], Bleu(4).compute_score(wanted, written)[0], atol=1e-9
    )
    np.testing.assert_allclose(
        rouge_l(candidates, references).values(row)[0],
        Rouge().compute_score(wanted, written)[0],
        atol=1e-9,
    )


def test_bleu_of_short_reports_is_penalised_by_hand():
    # 3 of 4 words match, 2 of 3 pairs; written 4 words, wanted 5: penalty exp(1 - 5/4)
    value = bleu(["a b c x"], ["a b c d e"]).values(np.ones((1, 1)))[0]
    penalty = np.exp(1 - 5 / 4)
    np.testing.assert_allclose(value[:2], [3 / 4 * penalty, np.sqrt(3 / 4 * 2 / 3) * penalty], atol=1e-8)


def test_an_empty_report_scores_nothing_and_stops_nothing():
    measures = language_measures(["", "a b"], ["c d", "a b"])
    values = np.concatenate([m.values(np.ones((1, 2)))[0] for m in measures])
    assert np.isfinite(values).all()
    assert cider_d(["", "a b"], ["c d", "a b"]).statistics[0, 0] == 0


@needs_java
@pytest.mark.slow
def test_meteor_is_that_of_pycocoevalcap(pairs):
    # Meteor().compute_score(references, candidates)[1] of pycocoevalcap 1.2, whose program starts for seconds
    theirs = [1.0, 0.1339166088386735, 0.08516935960780656]
    theirs += [0.07421364242097023, 0.2016722145092617, 0.15444606849125786]
    candidates, references = (texts[4:10] for texts in pairs)
    ours = meteor({"others": candidates, "silent": [""] * 6}, references)
    whole = np.ones((1, 6))
    assert ours["others"].values(whole)[0, 0] == pytest.approx(np.mean(theirs), abs=1e-9)
    assert ours["silent"].values(whole)[0, 0] == 0


# Speaks as METEOR's program does: for a pair its statistics, then for many of these a score each and a total.
# Here a score is 1 for a report that is its reference and 0.25 for any other.
STAND_IN = """#!{python}
import pathlib, sys
if "-version" in sys.argv:
    sys.exit({version})
with pathlib.Path(__file__).with_name("starts").open("a") as starts:
    starts.write("start\\n")
for line in sys.stdin:
    word, *rest = [part.strip() for part in line.strip("\\n").split("|||")]
    if word == "SCORE":
        reference, candidate = rest
        print("1 1" if reference == candidate else "0 1", flush=True)
    else:
        for said in rest:
            print({score}, flush=True)
        print(0.5, flush=True)
"""


def stand_in_java(folder: Path, monkeypatch: pytest.MonkeyPatch, version: int = 0, score: str = "") -> Path:
    folder.mkdir()
    java = folder / "java"
    score = score or '1.0 if said[0] == "1" else 0.25'
    java.write_text(STAND_IN.format(python=sys.executable, version=version, score=score))
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder / "starts"


def test_meteor_of_all_systems_comes_from_one_java_that_sees_a_pair_once(tmp_path, monkeypatch):
    starts = stand_in_java(tmp_path / "bin", monkeypatch)
    references = ["a b .", "c .", "d ."]
    ours = meteor({"copy": references, "one": ["c .", "c .", "c ."]}, references)
    whole = np.ones((1, 3))
    assert ours["copy"].values(whole)[0, 0] == 1
    assert ours["one"].values(whole)[0, 0] == pytest.approx((0.25 + 1 + 0.25) / 3)
    assert starts.read_text() == "start\n"


def test_with_java_meteor_is_in_the_scores_unless_it_is_switched_off(
    outputs, references, tmp_path, monkeypatch
):
    stand_in_java(tmp_path / "bin", monkeypatch)
    table = metrics_table(score_systems(filled(EvaluationConfig, resamples=100), outputs, references))
    values = table[table["metric"] == "METEOR"].set_index("system")["value"]
    assert values["perfect"] == 1
    assert 0.25 <= values["others"] < 1
    assert "silent" not in values  # labels alone have no words
    off = score_systems(filled(EvaluationConfig, resamples=100, meteor=False), outputs, references)
    assert Metric("METEOR") not in off.metrics


def test_without_java_meteor_is_not_run_and_never_zero(outputs, references, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    scores = score_systems(filled(EvaluationConfig, resamples=100), outputs, references)
    assert Metric("METEOR") not in scores.metrics
    assert Metric("BLEU-4") in scores.metrics


def test_a_java_that_only_complains_is_none(tmp_path, monkeypatch):
    starts = stand_in_java(tmp_path / "bin", monkeypatch, version=1)
    assert meteor({"a": ["x ."]}, ["x ."]) == {}
    assert not starts.exists()


def test_a_java_that_breaks_leaves_meteor_out_and_says_so(tmp_path, monkeypatch, caplog):
    stand_in_java(tmp_path / "bin", monkeypatch, score='"Error: out of memory"')
    assert meteor({"a": ["x ."]}, ["x ."]) == {}
    assert "METEOR was not run: its Java program failed" in caplog.text
    assert "set evaluation.meteor to false" in caplog.text


@needs_java
def test_ptb_tokens_have_no_punctuation_and_an_empty_report_stays_empty():
    written = ["The heart, is\nnormal.", "", "No\x85effusion\u2028or edema.", "Clear."]
    assert tokenizer("ptb", filled(R2GenConfig), [])(Reports([], written)) == [
        "the heart is normal",
        "",
        "no effusion or edema",
        "clear",
    ]


def test_without_java_ptb_tokens_are_refused_in_a_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProtocolError, match=r"'ptb' runs .* needs Java.*Install a Java runtime"):
        tokenizer("ptb", filled(R2GenConfig), [])(Reports(["a ."], ["A."]))
    assert tokenizer("house", filled(R2GenConfig), [])(Reports(["a ."], ["A."])) == ["a ."]
