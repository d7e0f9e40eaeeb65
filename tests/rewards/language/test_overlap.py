"""BLEU and ROUGE-L against pycocoevalcap."""

from __future__ import annotations

import difflib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.rouge.rouge import Rouge, my_lcs

from coherent_cxr.rewards import bleu, rouge_l
from coherent_cxr.rewards.language.overlap import longest_common_subsequence


@pytest.mark.parametrize("orders", [1, 2, 3, 4])
@pytest.mark.slow
def test_bleu_of_real_pairs_equals_pycocoevalcap(findings_texts, written_texts, orders):
    candidates, references = written_texts[:1500], findings_texts[:1500]
    scorer = BleuScorer(n=4)
    for candidate, reference in zip(candidates, references, strict=True):
        scorer += (candidate, [reference])
    expected = scorer.compute_score(option="closest", verbose=0)[1][orders - 1]
    np.testing.assert_allclose(bleu(candidates, references, orders), expected, atol=1e-9)


def test_rouge_l_of_real_pairs_equals_pycocoevalcap(findings_texts, written_texts):
    candidates, references = written_texts[:500], findings_texts[:500]
    pairs = zip(candidates, references, strict=True)
    expected = [Rouge().calc_score([candidate], [reference]) for candidate, reference in pairs]
    np.testing.assert_allclose(rouge_l(candidates, references), expected, atol=1e-12)


def test_by_hand():
    # Two of three words match; one of two bigrams; equal length: no penalty.
    assert bleu(["a b c"], ["a b d"], 2) == pytest.approx((2 / 3 * 1 / 2) ** 0.5)
    assert bleu(["a"], ["a b"], 1) == pytest.approx(np.exp(1 - 2))
    assert rouge_l(["a b c"], ["a c d"]) == pytest.approx(2 / 3)
    assert rouge_l(["", "a"], ["a", ""]).tolist() == [0.0, 0.0]
    assert bleu([], []).shape == (0,)


words = st.lists(st.sampled_from("abc"), max_size=25)


@given(words, words)
def test_the_longest_common_subsequence_is_that_of_the_textbook(one, other):
    assert longest_common_subsequence(one, other) == my_lcs(one, other)
    matched = sum(
        block.size for block in difflib.SequenceMatcher(None, one, other, False).get_matching_blocks()
    )
    assert longest_common_subsequence(one, other) >= matched
