"""CIDEr-D against pycocoevalcap on real reports and on hostile text."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.cider.cider_scorer import CiderScorer

from coherent_cxr.rewards import CiderD


class FixedFrequencies(CiderScorer):
    """pycocoevalcap's scorer with document frequencies of a corpus other than the references."""

    def score_with(self, corpus: list[str]) -> np.ndarray:
        counted = CiderScorer()
        for text in corpus:
            counted += (text, [text])
        counted.compute_doc_freq()
        self.document_frequency = defaultdict(float, counted.document_frequency)
        reference_length = np.log(float(len(corpus)))

        class Sized(list):
            def __len__(self):  # its length is the number of documents, which CIDEr takes the logarithm of
                return len(corpus)

        self.crefs = Sized(self.crefs)
        scores = self.compute_cider()
        assert self.ref_len == reference_length
        return np.array(scores)


def pycoco(candidates: list[str], references: list[str], corpus: list[str] | None = None) -> np.ndarray:
    scorer = FixedFrequencies()
    for candidate, reference in zip(candidates, references, strict=True):
        scorer += (candidate, [reference])
    return scorer.score_with(references if corpus is None else corpus)


@pytest.mark.slow
def test_real_pairs_equal_pycocoevalcap(findings_texts, written_texts):
    assert len(findings_texts) >= 3000
    mine = CiderD.from_corpus(findings_texts).score(written_texts, findings_texts)
    np.testing.assert_allclose(mine, pycoco(written_texts, findings_texts), atol=1e-6, rtol=0)
    assert mine.max() > 5
    assert mine.min() == 0


@pytest.mark.slow
def test_references_outside_the_corpus_of_the_frequencies(findings_texts, written_texts):
    corpus, references, candidates = findings_texts[:800], findings_texts[2000:3000], written_texts[2000:3000]
    mine = CiderD.from_corpus(corpus).score(candidates, references)
    np.testing.assert_allclose(mine, pycoco(candidates, references, corpus), atol=1e-6, rtol=0)


def test_by_hand():
    # Two documents; every n-gram of "a b" stands in one: idf = ln 2 for all of them.
    cider = CiderD(2, {})
    # Unigrams 1, bigrams 1, no longer ones: 10 * (1 + 1 + 0 + 0) / 4.
    assert cider.score(["a b"], ["a b"]) == pytest.approx([5.0])
    # "a b" in "a c": unigrams 1 / (sqrt 2 * sqrt 2), nothing else.
    assert cider.score(["a b"], ["a c"]) == pytest.approx([10 * 0.5 / 4])
    # "a a" against "a": counts clipped to the reference, lengths 1 and 0 bigrams.
    assert cider.score(["a a"], ["a"]) == pytest.approx([10 * 1 / 2 / 4 * np.exp(-1 / 72)])


def test_a_word_of_every_document_weighs_nothing():
    cider = CiderD.from_corpus(["the heart", "the lung"])
    assert cider.score(["the"], ["the"]).tolist() == [0.0]


def test_json_and_back_gives_the_same_numbers(findings_texts, written_texts):
    cider = CiderD.from_corpus(findings_texts[:500])
    again = CiderD.from_dict(json.loads(json.dumps(cider.to_dict())))
    assert again.to_dict() == cider.to_dict()
    np.testing.assert_array_equal(
        again.score(written_texts[:50], findings_texts[:50]),
        cider.score(written_texts[:50], findings_texts[:50]),
    )


def test_scores_do_not_depend_on_what_was_scored_before(findings_texts, written_texts):
    fresh, used = (CiderD.from_corpus(findings_texts[:500]) for _ in range(2))
    used.score(written_texts[1000:1600], findings_texts[1000:1600])
    one_by_one = [
        fresh.score([c], [r])[0] for c, r in zip(written_texts[:40], findings_texts[:40], strict=True)
    ]
    np.testing.assert_array_equal(used.score(written_texts[:40], findings_texts[:40]), one_by_one)


def test_references_are_looked_up_the_second_time(findings_texts, written_texts):
    cider = CiderD.from_dict(CiderD.from_corpus(findings_texts[:100]).to_dict())
    references = list(dict.fromkeys(findings_texts))[:100]
    cider.score(written_texts[:100], references)
    assert (cider.hits, cider.misses) == (0, 100)
    cider.score(written_texts[100:200], references)
    assert (cider.hits, cider.misses) == (100, 100)


def test_the_corpus_that_was_counted_is_known_as_references(findings_texts, written_texts):
    corpus = CiderD.from_corpus(findings_texts)
    loaded = CiderD.from_dict(corpus.to_dict())
    pairs = written_texts, findings_texts[: len(written_texts)]
    np.testing.assert_array_equal(corpus.score(*pairs), loaded.score(*pairs))
    assert corpus.misses == 0


words = st.text(st.characters(exclude_categories=("Cs",)), min_size=0, max_size=6)
texts = st.lists(words, max_size=12).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6), st.booleans())
def test_any_text_scores_as_with_pycocoevalcap(pairs, same):
    candidates, references = [c for c, _ in pairs], [c if same else r for c, r in pairs]
    mine = CiderD.from_corpus(references).score(candidates, references)
    assert ((mine >= 0) & (mine <= 10 + 1e-9)).all()
    np.testing.assert_allclose(mine, pycoco(candidates, references), atol=1e-6, rtol=0)


def test_very_long_and_very_repetitive_texts():
    candidates, references = ["no " * 5000, "a b " * 3000, "", "x"], ["no " * 4000, "a b", "no", ""]
    np.testing.assert_allclose(
        CiderD.from_corpus(references).score(candidates, references),
        pycoco(candidates, references),
        atol=1e-6,
    )


def test_wrong_input_is_refused_in_words():
    with pytest.raises(ValueError, match="2 candidates and 1 references"):
        CiderD(3, {}).score(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="at least one document"):
        CiderD.from_corpus([])
    with pytest.raises(ValueError, match="in 4 documents, but there are only 3"):
        CiderD(3, {"a": 4})
    assert CiderD(3, {}).score([], []).shape == (0,)
