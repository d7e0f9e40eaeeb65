"""Free-text reports fall into sections, however their headings are written. All texts are invented."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.corpora.sections.sectioning import Sectioner, SectionRuleError, findings_of

SECTIONER = Sectioner()


def test_headed_report() -> None:
    text = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  Invented person, ___, asks about
 a cough.

 TECHNIQUE:   Two views

 COMPARISON:  ___.

 FINDINGS:

 The heart is of normal size.  Both lungs are
 clear.

 No bone is broken.

 IMPRESSION:

 1. A normal chest.
 2. Nothing to be done.
"""
    assert SECTIONER.split(text) == {
        "examination": "CHEST (PA AND LAT)",
        "indication": "Invented person, ___, asks about\na cough.",
        "technique": "Two views",
        "comparison": "___.",
        "findings": "The heart is of normal size. Both lungs are\nclear.\n\nNo bone is broken.",
        "impression": "1. A normal chest.\n2. Nothing to be done.",
    }


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("FINDINGS:", "findings"),
        ("Findings:", "findings"),
        ("findings :", "findings"),
        ("FiNdInGs;", "findings"),
        ("FINDINGS", "findings"),
        ("FINDINGS.", "findings"),
        ("1. FINDINGS:", "findings"),
        ("REPORT:", "findings"),
        ("CHEST, TWO VIEWS:", "findings"),
        ("PORTABLE AP CHEST RADIOGRAPH:", "findings"),
        ("AP upright and lateral views of the chest:", "findings"),
        ("FINDINGS AND IMPRESSION:", "findings_and_impression"),
        ("FINDINGS & IMPRESSION:", "findings_and_impression"),
        ("FINDINGS/IMPRESSION:", "findings_and_impression"),
        ("IMPRESSIONS:", "impression"),
        ("Conclusion:", "impression"),
        ("REASON FOR EXAM:", "indication"),
        ("CLINICAL HISTORY:", "indication"),
        ("RECOMMENDATION(S):", "recommendation"),
    ],
)
def test_headings_in_every_dress(heading: str, section: str) -> None:
    if heading[-1] in ":;":
        assert SECTIONER.split(f"FINAL REPORT\n {heading} Something.\n") == {section: "Something."}
    assert SECTIONER.split(f"FINAL REPORT\n {heading}\n\n Something was seen.\n") == {
        section: "Something was seen."
    }


def test_words_that_only_look_like_headings_are_text() -> None:
    text = "FINDINGS: The lungs are clear.\nHeart: normal. LUNGS: clear.\nThis finding is old\nPleura; thin."
    assert SECTIONER.split(text) == {
        "findings": "The lungs are clear.\nHeart: normal. LUNGS: clear.\nThis finding is old\nPleura; thin."
    }


def test_headings_inside_a_line_count_in_capitals_only() -> None:
    text = "COMPARISON: None. FINDINGS: The finding: a cough. IMPRESSION: Well."
    assert SECTIONER.split(text) == {
        "comparison": "None.",
        "findings": "The finding: a cough.",
        "impression": "Well.",
    }


def test_unheaded_report_is_body_and_counts_as_findings() -> None:
    text = """ FINAL REPORT
 INDICATION:  A cough.

 COMPARISONS:

 None.

 The lungs are clear.

 The heart is large.
"""
    parts = SECTIONER.split(text)
    assert parts["body"] == "The lungs are clear.\n\nThe heart is large."
    assert parts["comparison"] == "None."
    assert findings_of(parts) == ("The lungs are clear.\n\nThe heart is large.", "body")
    assert findings_of(SECTIONER.split("Only words, no heading at all.")) == (
        "Only words, no heading at all.",
        "body",
    )
    assert findings_of(SECTIONER.split("IMPRESSION: Well.")) == (None, "")


def test_wet_reads_and_addenda_are_no_findings() -> None:
    text = """WET READ: ___ ___ 9:15 AM
  Large something on the left.
  FINDINGS: not yet final.
 ______________________________________________________________________________
                                 FINAL REPORT
 FINDINGS: Nothing on the left.

 IMPRESSION: Well.

 ADDENDUM:  Seen again the next day.
 FINDINGS: still nothing.
"""
    parts = SECTIONER.split(text)
    assert parts["findings"] == "Nothing on the left."
    assert parts["impression"] == "Well."
    assert parts["wet_read"] == "___ ___ 9:15 AM\nLarge something on the left.\nFINDINGS: not yet final."
    assert parts["addendum"] == "Seen again the next day.\nFINDINGS: still nothing."


def test_an_addendum_before_the_report_ends_where_the_report_starts() -> None:
    parts = SECTIONER.split("ADDENDUM\n Later thoughts.\n\n FINAL REPORT\n FINDINGS: Clear.\n")
    assert parts == {"addendum": "Later thoughts.", "findings": "Clear."}


def test_repeated_sections_are_joined_and_empty_ones_absent() -> None:
    text = "FINDINGS: One.\n\nTECHNIQUE:\n\nFINDINGS: Two.\nIMPRESSION:\n"
    assert SECTIONER.split(text) == {"findings": "One.\n\nTwo."}
    assert SECTIONER.split("") == {}


@given(st.text(max_size=400))
def test_any_text_is_split_without_losing_a_word_of_it(text: str) -> None:
    parts = SECTIONER.split(text)
    words = " ".join(parts.values()).split()
    assert len(words) <= len(text.split()) + text.count("\n") + 50
    assert all(value == value.strip() and value for value in parts.values())


@given(st.lists(st.sampled_from(["The heart is big.", "Clear.", "", "Heart: big; ok"]), max_size=8))
def test_text_under_one_heading_comes_back_whole(lines: list[str]) -> None:
    parts = SECTIONER.split("\n".join(["FINDINGS:", *lines]))
    assert parts.get("findings", "").split() == " ".join(lines).split()


def test_hostile_text_takes_no_longer_than_its_length() -> None:
    for text in ("A" * 300_000, "FINDINGS " * 40_000, ("chest ap " * 9 + ":\n") * 3_000, "_" * 300_000):
        start = time.perf_counter()
        SECTIONER.split(text)
        assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "not valid YAML"),
        ("sections: {}", "wrong at .patterns. .field required."),
        (
            "sections: {}\npatterns: {findings: ['(']}\none_paragraph: []\naside: {}\nfinal: []",
            "no regular expression",
        ),
    ],
)
def test_bad_rule_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(content)
    with pytest.raises(SectionRuleError, match=message):
        Sectioner(path)


def test_other_rules_are_another_file(tmp_path: Path) -> None:
    path = tmp_path / "german.yml"
    path.write_text(
        "sections: {findings: [Befund], impression: [Beurteilung]}\npatterns: {}\none_paragraph: []\n"
        "aside: {}\nfinal: []\n"
    )
    assert Sectioner(path).split("Befund: Klar.\nBEURTEILUNG: Gut.") == {
        "findings": "Klar.",
        "impression": "Gut.",
    }
