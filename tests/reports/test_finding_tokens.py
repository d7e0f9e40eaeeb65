"""A mark in front of every sentence says what it states."""

import pandas as pd

from coherent_cxr.reports.affirmed_findings import count_affirmed
from coherent_cxr.reports.encoding import VocabularyBuildingConfig
from coherent_cxr.reports.finding_tokens import finding_tokens, finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.encoded_corpus import corpus, encode_corpus
from helpers.settings import filled


def test_the_mark_is_the_rarest_affirmed_observation_and_denied_or_uncertain_ones_are_none():
    rows = [
        ("S", 0, 1, None, 0),  # no fracture
        ("S", 2, None, 1, 1),  # edema and a fracture
        ("S", 1, None, 1, None),  # edema
        ("T", 0, None, -1, None),  # possible edema
    ]
    labels = pd.DataFrame(rows, columns=["study_id", "sentence", "No Finding", "Edema", "Fracture"])
    labels = labels.astype({"Edema": "Int8", "Fracture": "Int8"})
    occurrences = count_affirmed([labels], {"S"})
    assert occurrences == {"Edema": 2, "Fracture": 1}
    of_study = finding_tokens(labels, occurrences)
    assert finding_tokens_of(occurrences) == ["<nothing stated>", "<Edema>", "<Fracture>"]
    assert of_study == {"S": ["<nothing stated>", "<Edema>", "<Fracture>"], "T": ["<nothing stated>"]}


def test_marks_are_written_in_front_and_are_no_words():
    findings, studies, labels = corpus()
    marked = encode_corpus(filled(VocabularyBuildingConfig, min_count=1), findings, studies, labels)
    plain = encode_corpus(
        filled(VocabularyBuildingConfig, min_count=1, finding_tokens=False), findings, studies, labels
    )
    assert marked.vocabulary.tokens == (*plain.vocabulary.tokens, "<nothing stated>", "<Edema>")
    edema, normal = marked.encoded_reports["sentences"][0]
    assert [marked.vocabulary.tokens[s[0]] for s in (edema, normal)] == ["<Edema>", "<nothing stated>"]
    without = [
        [marked.vocabulary.without_finding_token(s) for s in r] for r in marked.encoded_reports["sentences"]
    ]
    assert without == plain.encoded_reports["sentences"].tolist()
    same = ["n_words", "n_unknown"]
    pd.testing.assert_frame_equal(marked.encoded_reports[same], plain.encoded_reports[same])


def test_a_marked_sentence_reads_as_its_words():
    vocabulary = Vocabulary(["<pad>", "<bos>", "<eos>", "<unk>", "edema", "<Edema>"], {}, 1)
    assert vocabulary.decode([5, 4, 3]) == ["edema", "<unk>"]
    assert vocabulary.decode([5]) == []
    assert Vocabulary.from_dict(vocabulary.to_dict()).finding_token_ids == {5}
