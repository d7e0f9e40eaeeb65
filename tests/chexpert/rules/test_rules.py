"""The pattern language and the rule file: what matches, and what a wrong file is told."""

import re
from pathlib import Path

import pytest
import yaml

from coherent_cxr.chexpert import CheXpertLabeler, RuleFileError
from coherent_cxr.chexpert.engine.alphabet import Alphabet, WordClass, tokenize
from coherent_cxr.chexpert.engine.mentions import FoundMention, MentionScanner, Terms
from coherent_cxr.chexpert.engine.patterns import Pattern, PatternError, any_of, context

EDEMA = "lexicon: {Edema: {mentions: [edema]}}\n"
CLASSES = {
    "be": WordClass(frozenset({"is", "are"})),
    "adverb": WordClass(frozenset({"again"}), ("ly",)),
    "good": WordClass(frozenset({"normal"}), closed=False),
}


def matches(pattern: str, sentence: str, macros: dict[str, str] | None = None) -> bool:
    """Match a pattern against a sentence in which the mention is the word "it"."""
    parsed = Pattern(pattern, macros or {}, CLASSES)
    alphabet = Alphabet(CLASSES, parsed.literals)
    words = [token for _, _, token in tokenize(sentence)]
    letters = "".join(alphabet.encode(word) for word in words)
    around = context(letters, words.index("it"), words.index("it"))
    return re.match(any_of([parsed], alphabet), around) is not None


@pytest.mark.parametrize(
    ("pattern", "sentence", "expected"),
    [
        ("no X", "there is no it", True),
        ("no X", "no big it", False),
        ("no <word>* X", "no big old it", True),
        ("no <word>* X", "no big, old it", False),
        ("no <word>|,* X", "no big, old it", True),
        ("X <be> <adverb>? normal", "it is clearly normal", True),
        ("X <be> <adverb>? <good>", "it is again normal", True),
        ("X <be> normal", "it was normal", False),
        ("^ X", "it is", True),
        ("^ X", "so it is", False),
        ("X is $", "it is.", True),
        ("X is $", "it is so", False),
        ("no !normal X", "no odd it", True),
        ("no !normal X", "no normal it", False),
        ("( no / not a ) X", "not a it", True),
        ("( no / not a ) X", "a not it", False),
        ("X <number> <mark>", "it 12 ;", True),
        ("no <any>* X", "no ( 3 , is it", True),
        ("no $thing X", "no odd one it", True),
        ("good <good>* X", "good normal it", True),
    ],
)
def test_patterns(pattern: str, sentence: str, expected: bool) -> None:
    assert matches(pattern, sentence, {"thing": "<word> <word>"}) is expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("no", "exactly once"),
        ("X no X", "exactly once"),
        ("( no X )", "outside"),
        ("( no X", "outside"),
        ("no ) X", "outside"),
        ("X ( no", "not closed"),
        ("X no / not", "'/' outside"),
        ("X ( <word>* no )*", "repeats a group"),
        ("X <nose>", "known classes: .*adverb"),
        ("X $nothing", "macro that is not defined"),
        ("X a||b", "cannot be read"),
    ],
)
def test_wrong_patterns_are_explained(pattern: str, message: str) -> None:
    with pytest.raises(PatternError, match=message):
        Pattern(pattern, {}, CLASSES)


def test_mentions_overlap_and_unmentions_drop() -> None:
    lexicon = {
        "Lung Lesion": Terms(("mass",), ("massive",)),
        "Cardiomegaly": Terms(("the heart", "heart size")),
        "Support Devices": Terms((" line ",)),
    }
    sentence = "massive mass; the heart size, a line here"
    expected = [
        FoundMention(8, 12, "Lung Lesion", "mass"),
        FoundMention(14, 23, "Cardiomegaly", "the heart"),
        FoundMention(18, 28, "Cardiomegaly", "heart size"),
        FoundMention(32, 36, "Support Devices", "line"),
    ]
    assert MentionScanner(lexicon).find(sentence) == expected


def test_a_language_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "deutsch.yml"
    path.write_text(
        yaml.safe_dump(
            {
                "lexicon": {
                    "Pleural Effusion": {"mentions": ["pleuraerguss"], "unmentions": ["zustand nach pl"]}
                },
                "words": {"artikel": ["ein", "der"]},
                "rules": {
                    "exceptions": [{"name": "frage", "status": "none", "patterns": ["frage nach X"]}],
                    "negative": [{"name": "kein X", "patterns": ["kein|keine <word>* X"]}],
                    "uncertain_after_negation": [
                        {"name": "v. a. X", "patterns": ["verdacht auf <artikel>? X"]}
                    ],
                },
            }
        )
    )
    labeler = CheXpertLabeler(path)
    effusion = {
        text: labeler.label(text)["Pleural Effusion"]
        for text in (
            "Pleuraerguss links.",
            "Kein grosser Pleuraerguss.",
            "Verdacht auf ein Pleuraerguss.",
            "Frage nach Pleuraerguss.",
            "Zustand nach Pleuraerguss.",
        )
    }
    assert list(effusion.values()) == [1, 0, -1, None, None]


def test_a_label_set_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "knee.yml"
    path.write_text(
        "observations: [Clear, Effusion, Screw]\n"
        "aggregation:\n"
        "  {no_finding: Clear, not_a_finding: [Screw], uncertain_votes: {Effusion: [torn screw]}}\n"
        "lexicon: {Effusion: {mentions: [effusion]}, Screw: {mentions: [torn screw]}}\n"
    )
    labeler = CheXpertLabeler(path)
    assert labeler.observations == ("Clear", "Effusion", "Screw")
    assert labeler.label("Effusion.") == {"Clear": None, "Effusion": 1, "Screw": None}
    assert labeler.label("Torn screw.") == {"Clear": None, "Effusion": -1, "Screw": 1}
    assert list(labeler.label_many(["a", None]).columns) == ["Clear", "Effusion", "Screw"]


def test_a_file_may_extend_a_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(
        "extends: original.yml\nlexicon: {Support Devices: {mentions: [stent], without: [plate]}}\n"
    )
    labeler = CheXpertLabeler(path)
    assert labeler.label("Stent.")["Support Devices"] == 1
    assert labeler.label("Plate.")["Support Devices"] is None
    assert labeler.label("No rib fractures.")["Fracture"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("lexicon: [a", "not valid YAML"),
        ("- a", "must be a mapping"),
        ("lexikon: {}", "unknown key 'lexikon'; known keys: .*lexicon"),
        ("{}", "no 'lexicon' with a mention"),
        ("lexicon: {Effusion: {mentions: [a]}}", "the observation 'Effusion'; known are No Finding"),
        ("lexicon: {Edema: {mentions: [Edema]}}", "'Edema'; it must be lower-case ASCII"),
        ("lexicon: {Edema: {mentions: [no]}}", "write it in quotes"),
        ("lexicon: {Edema: {mentions: [edema], x: 1}}", "lexicon.Edema has an unknown key 'x'"),
        ("observations: [a]\naggregation: {no_finding: b}\nlexicon: {a: {mentions: [x]}}", "observation 'b'"),
        ("aggregation: {x: b}\nlexicon: {Edema: {mentions: [x]}}", "aggregation has an unknown key 'x'"),
        ("extends: missing.yml", "missing.yml cannot be read"),
        ("extends: self.yml", "extends itself"),
        ("words: {a: {words: [b], closed: 3}}", "closed' is 3; it must be true or false"),
        ("macros: {a: [b]}", "macro 'a'"),
        ("layout_ends_sentences: 1", "layout_ends_sentences' is 1; it must be true or false"),
        (EDEMA + "clause_ends: {after: [no]}", "clause_ends has an unknown key 'after'"),
        (EDEMA + "clause_ends: {at: [and], patterns: [a]}", "clause_ends: The pattern 'a' must contain"),
        (EDEMA + "clause_ends: {at: [and]}", "'clause_ends' needs words under 'near' and 'at' and a pattern"),
        ("rules: {positive: []}", "no list 'positive'; its lists are exceptions"),
        ("rules: {negative: [a]}", "must be a list of rules"),
        (EDEMA + "rules: {negative: [{patterns: [X]}]}", "has the name None"),
        (
            EDEMA + "rules: {negative: [{name: a}]}",
            "needs at least one pattern",
        ),
        (
            EDEMA + "rules: {negative: [{name: a, status: positive, patterns: [X]}]}",
            "rule 'a' has a status, but its list 'negative' gives it",
        ),
        (
            EDEMA + "rules: {exceptions: [{name: a, patterns: [X]}]}",
            "has the status None; it must be one of positive, negative, uncertain, none",
        ),
        (
            EDEMA + "rules: {negative: [{name: a, patterns: [not]}]}",
            "rule 'a': The pattern 'not' must contain the mention X",
        ),
        (
            EDEMA + "rules: {negative: [{name: a, patterns: [X], observations: [x]}]}",
            "names the observation 'x'; known are",
        ),
    ],
)
def test_wrong_files_are_explained(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "self.yml"
    path.write_text(content)
    with pytest.raises(RuleFileError, match=message) as caught:
        CheXpertLabeler(path)
    assert "self.yml" in str(caught.value) or "missing.yml" in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(RuleFileError, match=r"nowhere.yml cannot be read .* original, corrected or spanish"):
        CheXpertLabeler("nowhere.yml")
