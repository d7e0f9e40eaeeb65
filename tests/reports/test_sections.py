"""The mark between findings and impression: learnt and generated as a token, never part of a text."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.tables import sentence_table
from coherent_cxr.inference.generation import report_table
from coherent_cxr.reports.encoding import VocabularyBuildingConfig, count_corpus, encode_reports
from coherent_cxr.reports.repeats import without_repeats
from coherent_cxr.reports.sections import SECTION_MARK, mark_of, section_of, within_sections
from coherent_cxr.reports.text import detokenize, metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled

TOKENS = [["clear"], ["mild", "cardiomegaly"], [], ["clear"], ["pleural", "effusion"]]
REPORTS = st.lists(st.lists(st.sampled_from("abc"), max_size=2), max_size=7)


def test_a_report_in_word_ids_keeps_its_sections() -> None:
    text = [detokenize([sentence]) if sentence else "" for sentence in TOKENS]
    findings = pd.DataFrame({"study_id": ["s"], "tokens": [TOKENS], "sentences": [text]})
    splits = pd.DataFrame({"study_id": ["s"], "split": ["train"]})
    labels = sentence_table(CheXpertLabeler("corrected"), findings)
    config = filled(VocabularyBuildingConfig, min_count=1)
    counted = count_corpus(config, splits, [findings], [labels])
    assert counted.vocabulary.tokens[-1] == SECTION_MARK
    encoded = encode_reports(config, counted, splits, findings, labels)
    # findings first, each in its section, the mark between them behind the token that states nothing
    written = [[counted.vocabulary.tokens[i] for i in sentence] for sentence in encoded["sentences"][0]]
    assert written == [
        ["<Cardiomegaly>", "mild", "cardiomegaly"],
        ["<nothing stated>", "clear"],
        ["<nothing stated>", SECTION_MARK],
        ["<Pleural Effusion>", "pleural", "effusion"],
        ["<nothing stated>", "clear"],
    ]
    assert encoded["n_words"][0] == 6
    generated = report_table(counted.vocabulary, ["s"], [encoded["sentences"][0]])
    assert generated["tokens"][0] == [
        ["mild", "cardiomegaly"],
        ["clear"],
        [],
        ["pleural", "effusion"],
        ["clear"],
    ]
    assert generated["report"][0] == "Mild cardiomegaly. Clear. Pleural effusion. Clear."


def test_one_section_has_no_mark_and_a_vocabulary_of_before_none_either() -> None:
    vocabulary = Vocabulary.from_reports([TOKENS], 1)
    assert vocabulary.section_mark_id is None
    assert vocabulary.silent_ids == vocabulary.finding_token_ids == frozenset()
    assert vocabulary.encode([]) == []
    assert section_of([["a"]], "findings") == [["a"]]
    assert section_of([["a"]], "impression") == []


def test_a_sentence_may_stand_once_in_each_section() -> None:
    report = [["a"], ["a"], [], ["a"], ["b"], [], ["b"], ["c"]]
    assert without_repeats(report) == [["a"], [], ["a"], ["b"], ["c"]]


@given(REPORTS, st.randoms())
def test_sections_are_a_partition_that_no_order_mixes(tokens: list[list[str]], random) -> None:
    findings, impression = section_of(tokens, "findings"), section_of(tokens, "impression")
    assert findings + impression == [sentence for sentence in tokens if sentence]
    assert metric_text(findings + impression) == metric_text(tokens)
    order = list(range(len(tokens)))
    random.shuffle(order)
    moved = within_sections(order, tokens)
    assert sorted(moved) == sorted(order)
    mark = mark_of(tokens)
    if mark is not None:
        assert moved[mark] == mark
        assert set(moved[:mark]) == set(range(mark))
