"""Labels and words say what is drawn, and where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.images.phantom import Finding, describe
from coherent_cxr.images.phantom.description import MENTIONS


def _describe(labels: dict[str, int | None], *sentences: str, seed: int = 0) -> tuple[Finding, ...]:
    return describe(labels, sentences, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("label", "sentence", "places"),
    [
        ("Lung Opacity", "Patchy opacity in the right upper lobe.", [("right", "upper")]),
        ("Lung Opacity", "There is a left lower lobe infiltrate.", [("left", "lower")]),
        ("Lung Opacity", "Bibasilar opacities are seen.", [("right", "lower"), ("left", "lower")]),
        ("Lung Lesion", "Nodule in the lingula.", [("left", "middle")]),
        ("Consolidation", "Consolidation in the right middle lobe.", [("right", "middle")]),
        ("Pleural Effusion", "Small bilateral pleural effusions.", [("right", "lower"), ("left", "lower")]),
        ("Pneumothorax", "Left pneumothorax.", [("left", "upper")]),
        ("Pleural Other", "Biapical pleural thickening.", [("right", "upper"), ("left", "upper")]),
        ("Edema", "Pulmonary edema.", [("right", "middle"), ("left", "middle")]),
    ],
)
def test_words_place_a_finding(label: str, sentence: str, places: list[tuple[str, str]]) -> None:
    findings = _describe({label: 1}, "The heart is normal.", sentence)
    if label == "Edema":  # the zone is free, the sides are both
        assert [finding.side for finding in findings] == ["right", "left"]
    else:
        assert [(finding.side, finding.zone) for finding in findings] == places
    assert {finding.observation for finding in findings} == {label}


def test_two_sentences_make_two_findings() -> None:
    findings = _describe(
        {"Lung Opacity": 1}, "Opacity in the right apex.", "Another density in the left base."
    )
    assert [(f.side, f.zone) for f in findings] == [("right", "upper"), ("left", "lower")]


def test_denied_mentions_do_not_place_a_finding() -> None:
    sentences = ("No opacity in the left upper lobe.", "There is a right basilar opacity.")
    (finding,) = _describe({"Lung Opacity": 1}, *sentences)
    assert (finding.side, finding.zone) == ("right", "lower")


def test_severity_follows_words_and_certainty() -> None:
    severities = [
        _describe({"Pleural Effusion": status}, f"{words} right pleural effusion.")[0].severity
        for words, status in [("Small", -1), ("Small", 1), ("A", 1), ("Large", 1)]
    ]
    assert severities == sorted(set(severities))


@pytest.mark.parametrize(
    ("sentence", "kinds"),
    [
        ("Left chest pacemaker with leads in place.", ["pacemaker"]),
        ("Right PICC tip in the SVC.", ["catheter"]),
        ("Right chest port.", ["port"]),
        ("Median sternotomy wires are intact.", ["wires"]),
        ("Endotracheal tube and nasogastric tube.", ["tracheal_tube", "gastric_tube"]),
        ("Left chest tube in place.", ["chest_tube"]),
        ("Prosthetic aortic valve.", ["valve"]),
        ("A device is seen.", ["catheter"]),
    ],
)
def test_words_name_the_device(sentence: str, kinds: list[str]) -> None:
    assert [finding.kind for finding in _describe({"Support Devices": 1}, sentence)] == kinds


def test_fracture_of_the_clavicle_is_not_a_rib() -> None:
    (finding,) = _describe({"Fracture": 1}, "Healed left clavicle fracture.")
    assert (finding.side, finding.kind) == ("left", "clavicle")


@given(
    st.dictionaries(st.sampled_from(["No Finding", *MENTIONS]), st.sampled_from([1, 0, -1, None])),
    st.lists(st.text(max_size=40), max_size=4),
)
def test_exactly_the_affirmed_labels_are_drawn(labels: dict[str, int | None], sentences: list[str]) -> None:
    drawn = {finding.observation for finding in _describe(labels, *sentences)}
    assert drawn == {name for name, status in labels.items() if status in (1, -1)} - {"No Finding"}
