"""Sentences that contradict each other, counted by hand."""

from __future__ import annotations

import pytest

from coherent_cxr.chexpert.contradictions import contradictions, stance_of
from coherent_cxr.chexpert.shown import shown_labeler

LABELER = shown_labeler()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Heart size is enlarged. Heart size is within normal limits.", ["Cardiomegaly"]),
        ("There is a small left pleural effusion. No pleural effusion.", ["Pleural Effusion"]),
        ("No pneumothorax. Small right pneumothorax is seen.", ["Pneumothorax"]),
        ("The lungs are clear. There is left basilar opacity.", ["clear lungs"]),
        ("Streaky opacity, left base. The lungs are clear without consolidation.", ["clear lungs"]),
        ("Lungs are grossly clear. Interstitial edema is present.", ["clear lungs"]),
        ("Moderate right pneumothorax. No pneumothorax or large pleural effusion.", ["Pneumothorax"]),
        ("Small effusion. No effusion, new consolidation or pneumothorax.", ["Pleural Effusion"]),
        # not contradictions
        ("Small right pneumothorax. No large effusion or pneumothorax.", []),
        ("Small right pneumothorax. No pneumothorax of significant size.", []),
        ("Small left pleural effusion. No right pleural effusion.", []),
        ("Small left pleural effusion. No large pleural effusion.", []),
        ("Left basilar opacity. The right lung is clear.", []),
        ("Diffuse interstitial opacities. No focal opacity.", []),
        ("Left basilar opacity. Otherwise, the lungs are clear.", []),
        ("A central line is in place. The endotracheal tube has been removed.", []),
        ("There is left basilar opacity. The lungs are otherwise clear.", []),
        ("There is left basilar opacity. The lungs are clear of consolidation.", []),
        ("The lungs are clear. No pleural effusion or pneumothorax.", []),
        ("The lungs are clear. The heart is enlarged.", []),
        ("", []),
    ],
)  # fmt: skip
def test_contradictions_of_one_report(text, what):
    assert [c.what for c in contradictions(LABELER, text)] == what


def test_a_contradiction_points_at_its_two_sentences():
    text = "Mild cardiomegaly. No pleural effusion. The heart is normal in size."
    (found,) = contradictions(LABELER, text)
    assert text[slice(*found.affirmed)] == "Mild cardiomegaly."
    assert text[slice(*found.denied)] == "The heart is normal in size."


def test_what_a_sentence_affirms_and_denies():
    assert stance_of(LABELER, "Small left effusion without pneumothorax.") == (
        {"Pleural Effusion"},
        {"Pneumothorax"},
        frozenset(),
    )
    assert stance_of(LABELER, "No pneumothorax or edema.").only_denied == {"Pneumothorax", "Edema"}
    clear = stance_of(LABELER, "The lungs are clear.")
    assert "Edema" in clear.denied
    assert not clear.only_denied
