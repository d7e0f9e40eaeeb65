"""Headings as people type them: misspelt, unknown, numbered; and what looks like one and is text."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import coherent_cxr.corpora.sections
from coherent_cxr.corpora.sections.sectioning import Sectioner

SECTIONER = Sectioner()


RULES = yaml.safe_load(
    (Path(coherent_cxr.corpora.sections.__file__).parent / "section_rules/mimic_cxr.yml").read_text()
)


KNOWN = {
    name: section
    for section, names in RULES["sections"].items()
    for name in names
    if len(name) >= 8 and not name.startswith("other ")  # as in "OTHER STRUCTURES:"
}


def report(heading: str) -> str:
    return f"FINAL REPORT\n COMPARISON: None.\n\n {heading}\n\n IMPRESSION: Well.\n"


TABLE = yaml.safe_load((Path(__file__).parent / "headings.yml").read_text())


CASES = [(word, section) for section, words in TABLE["misspelt"].items() for word in words]


@pytest.mark.parametrize(("heading", "section"), CASES)
def test_misspelt_headings_in_capitals(heading: str, section: str) -> None:
    right = {"comparison": "None."} | {"impression": "Well."}

    def with_text(text: str) -> dict[str, str]:
        before = right.get(section)
        joined = {"comparison": f"{before}\n\n{text}", "impression": f"{text}\n\nWell."}
        return right | {section: joined.get(section, text)}

    assert SECTIONER.split(report(f"{heading}: Something.")) == with_text("Something.")
    assert SECTIONER.split(report(f"{heading} :  Something.")) == with_text("Something.")
    assert SECTIONER.split(report(f"2. {heading}: Something.")) == with_text("Something.")
    assert SECTIONER.split(report(f"{heading}:\n\n Something was seen.")) == with_text("Something was seen.")
    if heading.replace(" ", "").replace("/", "").replace("&", "").isalpha():
        assert SECTIONER.split(report(f"{heading}\n Something was seen.")) == with_text("Something was seen.")
    assert (
        SECTIONER.split(f"COMPARISON: None. {heading}: Something. IMPRESSION: Well.")
        == {
            name: text.replace("\n\n", " " if name == section and name in right else "\n\n")
            for name, text in with_text("Something.").items()
        }
        or section in right
    )


@st.composite
def typos(draw: st.DrawFn) -> tuple[str, str]:
    name = draw(st.sampled_from(sorted(KNOWN)))
    place = draw(st.integers(1, len(name) - 2))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    typo = draw(
        st.sampled_from(
            [
                name[:place] + name[place + 1 :],
                name[:place] + letter + name[place:],
                name[:place] + letter + name[place + 1 :],
                name[:place] + name[place + 1] + name[place] + name[place + 2 :],
            ]
        )
    )
    return name, typo


@settings(max_examples=300, deadline=None)
@given(typos())
def test_one_slip_of_the_keys_changes_no_section(typed: tuple[str, str]) -> None:
    name, typo = typed
    if KNOWN.get(typo, KNOWN[name]) != KNOWN[name] or not typo[-1].isalpha() or "  " in typo:
        return
    if not set(typo.split()).isdisjoint(set(RULES["structures"]) - set(name.split())):
        return  # "of" becomes "og", a tube
    parts = SECTIONER.split(f"{typo.upper()}: Something was seen.")
    assert parts == {KNOWN[name]: "Something was seen."}


@pytest.mark.parametrize("heading", TABLE["structures"])
def test_structured_findings_stay_findings(heading: str) -> None:
    paragraphs = (
        f"FINDINGS:\n\n First.\n\n {heading}: Normal.\n\n - {heading}: clear\n Last.\n\n IMPRESSION: Well."
    )
    assert SECTIONER.split(paragraphs) == {
        "findings": f"First.\n\n{heading}: Normal.\n\n- {heading}: clear\nLast.",
        "impression": "Well.",
    }
    inside = f"FINDINGS: First. {heading}: Normal.  {heading}: none. IMPRESSION: Well."
    assert SECTIONER.split(inside) == {
        "findings": f"First. {heading}: Normal. {heading}: none.",
        "impression": "Well.",
    }


def test_structures_after_a_short_section_are_the_body() -> None:
    text = "INDICATION: Cough.\nTECHNIQUE: One view.\nLUNGS: Clear.\nHEART: Normal.\nIMPRESSION: Well."
    assert SECTIONER.split(text) == {
        "indication": "Cough.",
        "technique": "One view.",
        "body": "LUNGS: Clear.\nHEART: Normal.",
        "impression": "Well.",
    }


@pytest.mark.parametrize("heading", TABLE["unknown"])
def test_an_unknown_heading_in_capitals_ends_a_section_at_a_paragraphs_start(heading: str) -> None:
    text = (
        f"FINDINGS:\n The lungs are clear.\n\n {heading}: Something else.\n More of it.\n\n IMPRESSION: Well."
    )
    parts = SECTIONER.split(text)
    assert parts["findings"] == "The lungs are clear."
    assert parts["impression"] == "Well."
    assert "Something else." in " ".join(parts.values())
    assert SECTIONER.split(text.replace("\n\n", "\n").replace(heading, heading.title()))[
        "findings"
    ].startswith("The lungs are clear.\n") or heading.lower().startswith(("date", "ct"))
    ended = SECTIONER.split(f"IMPRESSION: Well.\n\n{heading}: Something else.")
    assert ended["impression"] == "Well."


@pytest.mark.parametrize(
    "line",
    [
        "STUDY: limited by rotation.",
        "STUDY: Limited by rotation.",
        "EXAM: suboptimal inspiration.",
        "EXAMINATION: technically limited.",
        "VIEWS: rotated.",
        "VIEW: Poor penetration.",
        "TECHNIQUE: degraded by motion.",
        "study: the patient is rotated.",
        "STUDY: The study is limited by rotation.",
        "STUDY: Patient is rotated to the left.",
        "EXAM: Portable technique limits evaluation.",
        "VIEWS: Inspiration is poor.",
        "NO ACUTE DISEASE IS SEEN: well.",
        "THERE IS ONE THING: a cough.",
        "Comment: nothing.",
        "This finding: old.",
        "1. COMMENT: nothing.",
        "- NOTE: nothing.",
        "THE FINDINGS ARE NEW.",
        "Ratio 3:4, at 5:30",
        "FINDINGS are old.",
    ],
)
@pytest.mark.parametrize("gap", ["\n ", "\n\n "])
def test_text_inside_findings_that_looks_like_a_heading(line: str, gap: str) -> None:
    text = f"FINDINGS:{gap}The lungs are clear.{gap}{line}{gap}No effusion.\n\nIMPRESSION: Well."
    assert SECTIONER.split(text) == {
        "findings": gap.replace(" ", "").join(["The lungs are clear.", line, "No effusion."]),
        "impression": "Well.",
    }


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("The lungs are clear and the", "impression: of a nodule is given."),
        ("There is a nodule, in", "comparison: prior film, unchanged."),
        ("Clear lungs, normal heart,", "findings: as before."),
        ("Pacemaker with leads in the", "impresion: of the heart."),
    ],
)
def test_a_wrapped_sentence_is_not_cut_at_a_word_in_small_letters(before: str, line: str) -> None:
    text = f"FINDINGS: {before}\n{line}\nNo effusion.\n\nIMPRESSION: Well."
    assert SECTIONER.split(text) == {"findings": f"{before}\n{line}\nNo effusion.", "impression": "Well."}
    small = f"findings: {before} end.\nimpression: well."
    assert SECTIONER.split(small) == {"findings": f"{before} end.", "impression": "well."}


def test_findings_go_on_behind_an_unknown_heading_where_a_structure_is_named() -> None:
    text = "FINDINGS:\n\nClear.\n\nNOTE: Seen by us.\n\nLUNGS: Clear.\n\nHEART: Normal.\n\nIMPRESSION: Well."
    assert SECTIONER.split(text) == {
        "findings": "Clear.\n\nLUNGS: Clear.\n\nHEART: Normal.",
        "other": "Seen by us.",
        "impression": "Well.",
    }


def test_the_first_heading_of_the_findings_is_theirs_whatever_it_says() -> None:
    assert (
        SECTIONER.split("FINDINGS:\n\nWHATNOT: Normal.\n\nIMPRESSION: Well.")["findings"]
        == "WHATNOT: Normal."
    )


@pytest.mark.parametrize("heading", TABLE["examined"])
def test_an_examination_as_a_heading_opens_the_findings(heading: str) -> None:
    text = f"COMPARISON: None.\n\n{heading}:  The lungs are clear.\n\nMore.\n\nIMPRESSION: Well."
    assert SECTIONER.split(text) == {
        "comparison": "None.",
        "findings": "The lungs are clear.\n\nMore.",
        "impression": "Well.",
    }


@pytest.mark.parametrize(
    ("line", "section", "rest"),
    [
        ("FINDINGS The lungs are clear.", "findings", "The lungs are clear."),
        ("FINDINGS PA and lateral views.", "findings", "PA and lateral views."),
        ("IMPRESSION No acute process.", "impression", "No acute process."),
        ("IMPRESSON Normal chest.", "impression", "Normal chest."),
        ("FINDINGS - Clear lungs.", "findings", "Clear lungs."),
        ("IMPRESSION -- Normal.", "impression", "Normal."),
        ("IMPRESSION -", "impression", ""),
        ("FINDINGS –", "findings", ""),
        ("IMP: Normal.", "impression", "Normal."),
        ("IMPRESSION – Normal.", "impression", "Normal."),
        ("**FINDINGS:** Clear.", "findings", "Clear."),
        ("## IMPRESSION", "impression", ""),
        ("* FINDINGS: Clear.", "findings", "Clear."),
        ("FINDINGS:: Clear.", "findings", "Clear."),
        ("IV. IMPRESSION: Normal.", "impression", "Normal."),
        ("B) FINDINGS: Clear.", "findings", "Clear."),
        ("Impresson: Normal.", "impression", "Normal."),
        ("Comparsion: None.", "comparison", "None."),
        ("IMPRESSION AND RECOMMENDATIONS: Rest.", "impression", "Rest."),
        ("FINDINGS AND CONCLUSION: Clear.", "findings_and_impression", "Clear."),
        ("CLINICAL DATA: Cough.", "indication", "Cough."),
        ("REASON FOR EXAM: Cough.", "indication", "Cough."),
        ("NOTIFICATION: Told.", "notification", "Told."),
        ("TECHNIQUE: Two views.", "technique", "Two views."),
    ],
)
def test_headings_in_other_dress(line: str, section: str, rest: str) -> None:
    assert SECTIONER.split(f"{line}\nmore words").get(section) == "\n".join(
        filter(None, [rest, "more words"])
    )


@pytest.mark.parametrize("final", ["FINAL REPORT", "FINAL REPROT", "FINALREPORT", "FIANL REPORT:"])
@pytest.mark.parametrize(
    "aside", ["WET READ: 8:05", "WET READ 8:05", "WET RAED: 8:05", "PRELIMINARY REPORT: 8:05"]
)
def test_asides_and_their_end_may_be_misspelt(final: str, aside: str) -> None:
    parts = SECTIONER.split(f"{aside}\nFINDINGS: not yet.\n\n{final}\nFINDINGS: Clear.")
    assert parts["findings"] == "Clear."
    assert parts["wet_read"] == "8:05\nFINDINGS: not yet."


@pytest.mark.parametrize(
    "nothing",
    ["None.", "N/A", "nan", "Not available.", "---", "See impression.", "As above.", "Please see below."],
)
def test_findings_that_say_nothing_are_none(nothing: str) -> None:
    text = f"COMPARISON: None.\n\nFINDINGS: {nothing}\n\nIMPRESSION: {nothing}"
    assert SECTIONER.split(text) == {"comparison": "None."}
    kept = f"{nothing} No effusion."
    assert SECTIONER.split(f"FINDINGS: {kept}") == {"findings": kept}


def test_sections_that_interrupt_the_findings_end_with_their_paragraph() -> None:
    text = "FINDINGS:\n\n One.\n\n EXAM: CHEST\n\n Two.\n\n IMPRESSION: Well.\n\n EXAM: CHEST\n\n Three."
    assert SECTIONER.split(text) == {
        "findings": "One.\n\nTwo.",
        "examination": "CHEST\n\nCHEST",
        "impression": "Well.",
        "body": "Three.",
    }


def test_layout_survives() -> None:
    text = (
        "FINDINGS:\n - No  effusion\n - Heart: normal\n\n Wrapped line\n goes on.\n"
        "IMPRESSION:\n\n 1. Well.\n 2) Rest."
    )
    assert SECTIONER.split(text) == {
        "findings": "- No effusion\n- Heart: normal\n\nWrapped line\ngoes on.",
        "impression": "1. Well.\n2) Rest.",
    }
