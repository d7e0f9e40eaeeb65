"""The model card shows what comes from outside and reads none of it as markup."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markdown_it import MarkdownIt

from coherent_cxr.serving.registration.cards.model_card import abstention_lines, description, model_card
from coherent_cxr.serving.registration.selection import ModelRegistrationConfig, Promotion
from coherent_cxr.training.encoder.abstention import Abstention
from helpers.settings import filled

EVIL = (
    "a|b <script>alert(1)</script> [x](javascript:alert(2)) **bold**\n\n# Safe for clinical use\n\n| c | d |"
)


def _card(evil: str) -> str:
    validation: dict[str, Any] = {
        "candidate": evil,
        "rule": evil,
        "label_rules": evil,
        "validation_digest": evil,
        "assessments": {
            evil: {"cider_difference": {"value": 0.1, "low": 0.0, "high": 0.2}, "reasons": [evil]},
            "mle": {"cider_difference": {"value": 0.0, "low": None, "high": None}, "reasons": []},
        },
        "systems": {evil: {evil: 0.5}, "mle": {"macro_f1": 0.25}},
    }
    return model_card(
        filled(ModelRegistrationConfig, name=evil, licence=evil),
        {"notice": evil, evil: evil, "nested": {"x": [evil]}},
        validation,
        {evil: {"BLEU-4": evil, evil: None}},
        {evil: (0.25, 0.125, 0.5)},
        {"drawn": False, "notice": evil},
        evil,
        Promotion(True, evil),
        sample=(evil, evil),
    )


def _structure(card: str) -> list[tuple[str, str]]:
    """Return kind and tag of every piece of markup, texts and code left out."""
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(card)
    inside = [child for token in tokens for child in (token.children or [token])]
    return [(t.type, t.tag) for t in inside if t.type not in ("text", "text_special", "inline")]


def test_a_hostile_text_changes_nothing_of_a_cards_structure() -> None:
    assert _structure(_card(EVIL)) == _structure(_card("plain"))
    assert "\x1b" not in _card("\x1b[2J")


def test_what_is_known_stands_on_the_card() -> None:
    card = _card("corpus of 2026 (v1.0)")
    assert card.startswith("# corpus of 2026 (v1.0): system `corpus of 2026 (v1.0)`")
    assert "**For research only, not for clinical use.**" in card
    assert "CIDEr-D +0.100 against mle (+0.000 to +0.200)" in card
    assert "Study `corpus of 2026 (v1.0)`, the first of the test split" in card
    assert "| mle | – | 0.250 |" in card
    assert "- corpus of 2026 (v1.0): 0.250 (0.125 to 0.500)" in card


def test_the_registered_model_says_its_intended_use() -> None:
    text = description("a|b")
    assert "not for clinical use" in text
    assert "Intended for comparing report generators" in text
    assert text.endswith(r"Licence of the weights: a\|b")


def test_the_card_shows_where_the_model_abstains() -> None:
    bands = [
        ("balanced", "Edema", 0.47, 0.53, 0.8, 0.2, 0.0),
        ("balanced", "Fracture", 1.0, 0.0, 1.0, 0.1, 0.1),
    ]
    columns = ["operating_point", "observation", "low", "high", "coverage", "risk", "risk_outside"]
    curve = pd.DataFrame(
        [("balanced", 1.0, 0.2), ("balanced", 0.9, 0.125), ("specific", 1.0, 0.3)],
        columns=["operating_point", "coverage", "risk"],
    )
    card = "\n".join(abstention_lines(Abstention(pd.DataFrame(bands, columns=columns), curve, 10)))
    assert "on 10 validation studies" in card
    assert "| studies kept | 100% | 90% |" in card
    assert "| wrong calls | 0.200 | 0.125 |" in card
    assert "| Edema | 0.470 to 0.530 | 80% | 0.200 | 0.000 |" in card
    assert "Fracture" not in card
    none = Abstention(pd.DataFrame(bands[1:], columns=columns), curve, 10)
    assert "none was held out: on new ones expect more wrong calls" in "\n".join(abstention_lines(none))
    assert "abstains from none" in "\n".join(abstention_lines(none))
    assert abstention_lines(Abstention(none.bands, curve[:0], 0)) == []
