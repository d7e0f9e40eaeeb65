"""The report on the page: its text is whole, its mentions are marked, its words know their attention."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.reports.word_attention import WordAttention
from coherent_cxr.serving.page.sentences import ShownSentence, shown_sentences
from helpers.shown_reports import labeler, report_of

WORDS = st.sampled_from(
    ["no", "the", "heart", "lungs", "effusion", ",", "(", ")", "xxxx", "/", "2", "right-sided", "%", "is"]
)


def text_of(sentence: ShownSentence) -> str:
    return "".join(piece.text for stretch in sentence.stretches for piece in stretch.pieces)


def shown(*sentences: list[str]) -> list[ShownSentence]:
    report = report_of(list(sentences))
    return shown_sentences(report, labeler().explain(report.text))


@given(st.lists(st.lists(WORDS, max_size=7), max_size=4))
def test_nothing_of_a_report_is_lost_and_every_word_leads_to_its_own_attention(sentences) -> None:
    report = report_of(sentences)
    pages = shown_sentences(report, labeler().explain(report.text))
    assert [text_of(page) for page in pages] == [text for text in report.sentences if text]
    for page in pages:
        attended = report.attention[page.number]
        found: dict[int, str] = {}
        for stretch in page.stretches:
            for piece in stretch.pieces:
                if piece.word is not None:
                    found[piece.word] = found.get(piece.word, "") + piece.text
        expected = {
            i: word.word
            for i, word in enumerate(attended)
            if not word.is_finding_token and any(c.isalnum() for c in word.word)
        }
        assert {place: text.lower() for place, text in found.items()} == expected


def test_mentions_of_one_status_that_overlap_are_one_mark() -> None:
    (sentence,) = shown(["the", "heart", "size", "is", "normal"])
    marks = [stretch for stretch in sentence.stretches if stretch.status]
    assert [(mark.status, "".join(piece.text for piece in mark.pieces)) for mark in marks] == [
        ("negative", "The heart size")
    ]


def test_affirmed_and_denied_findings_are_told_apart_with_their_reasons() -> None:
    first, second = shown(["there", "is", "cardiomegaly"], ["no", "pleural", "effusion"])
    (affirmed,) = [stretch for stretch in first.stretches if stretch.status]
    (denied,) = [stretch for stretch in second.stretches if stretch.status]
    assert affirmed.status == "positive"
    assert affirmed.note.startswith("Cardiomegaly: positive")
    assert denied.status == "negative"
    assert denied.note.startswith("Pleural Effusion: negative")


def test_a_finding_token_is_beside_its_sentence_not_in_it() -> None:
    report = report_of([["cardiomegaly", "is", "seen"]], token="Cardiomegaly", probability=0.8)
    (sentence,) = shown_sentences(report, [])
    assert text_of(sentence) == "Cardiomegaly is seen."
    assert (sentence.finding, sentence.probability, sentence.token) == ("Cardiomegaly", 0.8, 0)


def test_the_same_sentence_twice_has_its_mentions_twice() -> None:
    pages = shown(["no", "effusion"], ["no", "effusion"])
    assert [sum(bool(stretch.status) for stretch in page.stretches) for page in pages] == [1, 1]


def test_attention_of_a_sentence_is_the_mean_over_its_words_without_the_token() -> None:
    from coherent_cxr.serving.page.pictures import attention_of

    cells = [np.full((2, 2), share, dtype=np.float32) for share in (0.25, 0.05, 0.15)]
    words = [
        WordAttention("Edema", cells[0], 0.0, True),
        WordAttention("mild", cells[1], 0.8),
        WordAttention("edema", cells[2], 0.4),
    ]
    assert attention_of(words, None).on_image == pytest.approx(0.4)
    assert attention_of(words, 0).on_image == pytest.approx(1.0)
    assert attention_of(words, 2).regions == pytest.approx(np.full((2, 2), 0.15))
