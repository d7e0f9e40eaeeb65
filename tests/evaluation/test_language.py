"""Language metrics equal pycocoevalcap's, on the whole set and on resamples of it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from coherent_cxr.evaluation.language import bleu, cider_d, language_measures, rouge_l
from coherent_cxr.evaluation.tokenization import JavaMissingError, tokenized

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="needs a java command")


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
def test_meteor_is_that_of_pycocoevalcap(pairs, monkeypatch):
    from pycocoevalcap.meteor.meteor import Meteor

    from coherent_cxr.evaluation.meteor import meteor

    monkeypatch.setattr("coherent_cxr.evaluation.meteor.PROCESSES", 1)  # Java takes seconds to start
    candidates, references = (texts[:6] for texts in pairs)
    expected = Meteor().compute_score(as_captions(references), as_captions(candidates))[1]
    value = meteor(candidates, references).values(np.ones((1, 6)))[0, 0]
    assert value == pytest.approx(np.mean(expected), abs=1e-9)


@needs_java
def test_ptb_tokens_have_no_punctuation_and_an_empty_report_stays_empty():
    assert tokenized(["The heart , is normal .", "", "No effusion ."], "ptb") == [
        "the heart is normal",
        "",
        "no effusion",
    ]


def test_without_java_ptb_tokens_are_refused_in_a_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(JavaMissingError, match=r"evaluation.tokenization is 'ptb'.*Install a Java runtime"):
        tokenized(["a"], "ptb")
    assert tokenized(["a ."], "house") == ["a ."]
