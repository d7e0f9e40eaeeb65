"""What the rule set "corrected" makes of lines, bullets and tables; the original joins lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import CheXpertLabeler
from helpers.structured_reports import MARKS, NAMES

ORIGINAL = CheXpertLabeler()


CORRECTED = CheXpertLabeler("corrected")


finding = st.sampled_from(sorted(NAMES))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("No pneumothorax\nRight lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("No effusion or\npneumothorax is seen.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("Pneumothorax: None\nEffusion: Small left", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("Pneumothorax\tNone\nEffusion\tSmall", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("| Pneumothorax | None |\n| Pleural effusion | Small |", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("- Pneumothorax: none\n- Effusion: none", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("- No pneumothorax\n- Right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("* No pneumothorax\n* Right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("• No pneumothorax\n• Right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("– No pneumothorax\n– Right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("· No pneumothorax\n· right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("1. No pneumothorax\n2. right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("1) No pneumothorax\n2) right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("No pneumothorax\n\nright lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("No pneumothorax\\r\nRight lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("NO PNEUMOTHORAX\nRIGHT LOWER LOBE CONSOLIDATION", {"Pneumothorax": 0, "Consolidation": 1}),
        ("There is no evidence of\nPneumothorax or effusion.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("No pneumothorax,\nPleural effusion, or edema.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("THERE IS NO PLEURAL\nEFFUSION OR PNEUMOTHORAX.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("No evidence of:\n- pneumothorax\n- pleural effusion", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        (
            "No evidence of:\n- pneumothorax\n- pleural effusion\n\nRight lower lobe consolidation",
            {"Pneumothorax": 0, "Pleural Effusion": 0, "Consolidation": 1},
        ),
        ("Pneumothorax:\nNone", {"Pneumothorax": 0}),
        (
            "Pneumothorax:\n  None\nPleural effusion:\n  Small left",
            {"Pneumothorax": 0, "Pleural Effusion": 1},
        ),
        ("No pneumothorax.\nMild edema", {"Pneumothorax": 0, "Edema": 1}),
        ("Without effusion\nor pneumothorax", {"Pleural Effusion": 0, "Pneumothorax": 0}),
        ("Effusion: small right.\nPneumothorax:\tnone", {"Pleural Effusion": 1, "Pneumothorax": 0}),
        ("No pneumothorax\nNo effusion", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("○ No pneumothorax\n○ right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("■ no pneumothorax\n■ right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("➢ no pneumothorax\r\n➢ right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("✓ no pneumothorax\n✓ right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("→ no pneumothorax\n→ right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("\uf0b7 no pneumothorax\n\uf0b7 right consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("o no pneumothorax\no right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("=> no pneumothorax\n=> right consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("No pneumothorax ■ right lower lobe consolidation", {"Pneumothorax": 0, "Consolidation": 1}),
        ("There is no\nPneumothorax.", {"Pneumothorax": 0}),
        ("The lungs show no\r\nConsolidation or effusion.", {"Consolidation": 0, "Pleural Effusion": 0}),
        ("Pneumothorax: no\nEffusion: small", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("Pleural effusion: -\nFracture: yes", {"Pleural Effusion": 0, "Fracture": 1}),
    ],
)
def test_layout_ends_sentences(text: str, labels: dict[str, int]) -> None:
    found = CORRECTED.label(text)
    assert {name: found[name] for name in labels} == labels


@given(st.data())
def test_one_finding_a_line_has_the_labels_of_the_same_report_as_prose(data: st.DataObject) -> None:
    lines = data.draw(
        st.lists(
            st.builds(
                "{} {}".format, st.sampled_from(["No", "Mild", "Stable", "Right", "There is no"]), finding
            ),
            min_size=1,
            max_size=5,
        )
    )
    mark = data.draw(st.sampled_from(MARKS))
    numbered = [f"{n}. {line}" if mark == "1. " else f"{mark}{line}" for n, line in enumerate(lines, 1)]
    assert CORRECTED.label("\n".join(numbered)) == CORRECTED.label(". ".join(lines) + ".")


@given(st.lists(st.sampled_from(["No effusion", "\n", "\n\n", " ", "- ", "Edema", "or", ".", "?", "None"])))
def test_the_original_joins_lines(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert ORIGINAL.label(text) == ORIGINAL.label(" ".join(text.split()))


def test_spans_point_into_the_text_as_given() -> None:
    text = "• No ptx\r\n• Pleural\u2028effusion – none\n\n3. Edema? No."
    found = CORRECTED.explain(text)
    assert [(m.text, m.observation, m.status) for m in found] == [
        ("ptx", "Pneumothorax", 0),
        ("effusion", "Pleural Effusion", 0),
        ("Edema", "Edema", 0),
    ]
    assert all(text[m.start : m.end] == m.text for m in found)
    assert [m.sentence for m in found] == [0, 1, 2]
