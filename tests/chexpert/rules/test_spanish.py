"""The Spanish rule set: sentences of our own, labelled by hand."""

import unicodedata
from pathlib import Path

import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.contradictions import contradictions, sides

LABELER = CheXpertLabeler("spanish")
LINES = (Path(__file__).parent / "spanish_sentences.txt").read_text().splitlines()
SENTENCES = [line.rpartition("|")[::2] for line in LINES if line and line[0] != "#"]


def stated(text: str) -> dict[str, int]:
    return {
        name: label
        for name, label in LABELER.label(text).items()
        if label is not None and name != "No Finding"
    }


@pytest.mark.parametrize(("sentence", "says"), SENTENCES)
def test_sentences(sentence: str, says: str) -> None:
    items = [item.strip() for item in says.split(",") if item.strip()]
    pairs = [item.split("=") for item in items if "=" in item]
    expected = {name: int(label) for name, label in pairs if label}
    assert stated(sentence) == expected
    finding = "other" in items or any(
        label in (1, -1) for name, label in expected.items() if name != "Support Devices"
    )
    assert LABELER.label(sentence)["No Finding"] == (None if finding else 1)


@pytest.mark.parametrize(("sentence", "says"), SENTENCES[::3])
def test_accents_capitals_and_their_composition_do_not_matter(sentence: str, says: str) -> None:
    plain = "".join(c for c in unicodedata.normalize("NFD", sentence) if not unicodedata.combining(c))
    expected = LABELER.label(sentence)
    for written in (plain, sentence.upper(), unicodedata.normalize("NFD", sentence)):
        assert LABELER.label(written) == expected


def test_there_are_enough_sentences_and_every_observation_has_one_of_each_kind() -> None:
    assert len(SENTENCES) >= 120
    said = " ".join(says for _, says in SENTENCES)
    for name in set(OBSERVATIONS) - {"No Finding"}:
        assert f"{name}=1" in said, name
        assert f"{name}=0" in said, name


def test_mentions_point_into_the_text_as_given() -> None:
    text = "No se observa neumotórax. Atelectasia y derrame pleural."
    assert [(m.text, m.status) for m in LABELER.explain(text)] == [
        ("neumotórax", 0),
        ("Atelectas", 1),
        ("derram", 1),
    ]


def test_sides_and_contradictions_are_spanish() -> None:
    language = LABELER.language
    assert sides("Derrame izquierdo", language) == {"left"}
    assert sides("Infiltrados bibasales", language) == {"left", "right"}
    assert contradictions(LABELER, "Derrame pleural izquierdo. Sin derrame pleural derecho.") == []
    assert [c.what for c in contradictions(LABELER, "Derrame pleural. No se observa derrame pleural.")] == [
        "Pleural Effusion"
    ]
    assert [c.what for c in contradictions(LABELER, "Pulmones libres. Infiltrado basal.")] == ["clear lungs"]


def test_the_items_of_a_list_that_a_denial_opens_are_denied() -> None:
    assert stated("No se observa:\n- derrame pleural\n- neumotórax") == {
        "Pleural Effusion": 0,
        "Pneumothorax": 0,
    }
