"""The medoid baseline against reports counted by hand."""

from __future__ import annotations

import numpy as np

from coherent_cxr.baselines.medoid import Medoid


def reports(*texts: str) -> list[list[list[str]]]:
    return [[text.split()] for text in texts]


def test_it_copies_the_most_central_report_with_exactly_the_called_labels():
    texts = reports(
        "a b c", "a b c d", "a b c d", "x y", "a b", "big heart", "big big heart", "a heart", "h", "i"
    )
    labels = np.array([[False]] * 5 + [[True]] * 5)
    chosen = Medoid().choose(texts, labels, np.array([[False], [True], [False]]))
    # "a b c d" shares most n-grams with "a b c", "a b" and its own copy
    assert chosen[0] == chosen[2] == 1
    assert labels[chosen[1], 0]


def test_where_too_few_have_the_labels_the_nearest_five_are_asked():
    texts = reports("one two", "one two", "one two three", "one two", "nine", "one two")
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]], dtype=bool)
    # only the first has exactly these labels; the report that differs in all three is the sixth nearest
    assert Medoid().choose(texts, labels, np.array([[True, True, False]])).tolist() == [0]


def test_nothing_to_answer_for():
    assert Medoid().choose(reports("a"), np.zeros((1, 2), bool), np.zeros((0, 2), bool)).shape == (0,)
