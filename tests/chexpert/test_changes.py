"""The course of findings as reports put it, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.changes import CHANGES, ChangeReader
from coherent_cxr.chexpert.rules.checks import RuleFileError

READER = ChangeReader(CheXpertLabeler("corrected"))
SHORT = {
    "effusion": "Pleural Effusion",
    "ptx": "Pneumothorax",
    "edema": "Edema",
    "heart": "Cardiomegaly",
    "tube": "Support Devices",
    "consolidation": "Consolidation",
    "atelectasis": "Atelectasis",
    "opacity": "Lung Opacity",
    "lesion": "Lung Lesion",
}

TOLD = [
    # unchanged
    ("No change in the small left pleural effusion.", "effusion unchanged"),
    ("There has been no significant interval change in the moderate cardiomegaly.", "heart unchanged"),
    ("As compared to the previous radiograph, the left pleural effusion is unchanged.", "effusion unchanged"),
    ("Stable cardiomegaly and small bilateral effusions.", "heart unchanged, effusion unchanged"),
    ("Moderate cardiomegaly and pulmonary edema are stable.", "heart unchanged, edema unchanged"),
    ("Pleural effusions, edema, and cardiomegaly are all unchanged.", "effusion edema heart unchanged"),
    ("The endotracheal tube is in unchanged position.", "tube unchanged"),
    ("The right pneumothorax has not increased.", "ptx unchanged"),
    ("The pleural effusion has not resolved.", "effusion unchanged"),
    ("Persistent right lower lobe consolidation.", "consolidation unchanged"),
    ("Again seen is a small right pneumothorax.", "ptx unchanged"),
    ("The right pneumothorax is similar to the prior study.", "ptx unchanged"),
    ("Left effusion without interval increase.", "effusion unchanged"),
    ("The left effusion is not new.", "effusion unchanged"),
    ("Bilateral effusions, left greater than right, unchanged.", "effusion unchanged"),
    ("The endotracheal tube remains in place.", "tube unchanged"),
    # worsened, improved
    ("The left pleural effusion has increased and is now large.", "effusion worsened"),
    ("Interval increase in the right pleural effusion.", "effusion worsened"),
    ("Worsening pulmonary edema.", "edema worsened"),
    ("Pulmonary edema is more severe than on the prior study.", "edema worsened"),
    ("The pneumothorax has slightly enlarged.", "ptx worsened"),
    ("The left pleural effusion has decreased.", "effusion improved"),
    ("In the interval, pulmonary edema has markedly improved.", "edema improved"),
    ("Improving bibasilar atelectasis.", "atelectasis improved"),
    ("The right pneumothorax is smaller.", "ptx improved"),
    ("Near complete resolution of the left pleural effusion.", "effusion improved"),
    ("The consolidation has partially cleared.", "consolidation improved"),
    ("Left effusion, previously large, is now smaller.", "effusion improved"),
    ("Resolving left pleural effusion.", "effusion improved"),
    ("Mild interval improvement in pulmonary edema.", "edema improved"),
    # new, resolved
    ("There is a new small right apical pneumothorax.", "ptx new"),
    ("A small right pleural effusion is new since ___.", "effusion new"),
    ("Interval placement of an endotracheal tube.", "tube new"),
    ("A left pleural effusion has developed.", "effusion new"),
    ("Interval removal of the endotracheal tube.", "tube resolved"),
    ("The nasogastric tube has been removed.", "tube resolved"),
    ("The previously seen left pleural effusion is no longer present.", "effusion resolved"),
    ("The right pneumothorax has resolved.", "ptx resolved"),
    ("Interval resolution of pulmonary edema.", "edema resolved"),
    # several in one sentence
    ("The effusion has increased while the cardiomegaly is unchanged.", "effusion worsened, heart unchanged"),
    ("Effusion increased and cardiomegaly unchanged.", "effusion worsened, heart unchanged"),
    ("Increased effusion and unchanged cardiomegaly.", "effusion worsened, heart unchanged"),
    ("Stable cardiomegaly, new left pleural effusion.", "heart unchanged, effusion new"),
    ("Endotracheal tube in place, new left effusion.", "effusion new"),
    ("The effusion has decreased, and there is a small pneumothorax.", "effusion improved"),
    (
        "The left effusion has increased and the right effusion has decreased.",
        "effusion worsened, effusion improved",
    ),
    ("Interval removal of the endotracheal tube with worsening edema.", "tube resolved, edema worsened"),
    ("No pneumothorax, unchanged cardiomegaly.", "heart unchanged"),
    ("The pleural effusion has decreased but remains large.", "effusion improved"),
    # nothing is told
    ("No new pleural effusion.", ""),
    ("No new or worsening consolidation.", ""),
    ("There is no pleural effusion.", ""),
    ("There is no pneumothorax, unchanged.", ""),
    ("As compared to the previous radiograph, there is a small left effusion.", ""),
    ("As compared to the previous radiograph, there is no relevant change.", ""),
    ("The heart is enlarged.", ""),
    ("No pneumothorax or new effusion.", ""),
    ("Bilateral effusions, larger on the right.", ""),
    ("", ""),
]


def expected(told: str) -> set[tuple[str, str]]:
    pairs = set()
    for part in filter(None, told.split(", ")):
        *findings, change = part.split()
        pairs |= {(SHORT[finding], change) for finding in findings}
    return pairs


@pytest.mark.parametrize(("text", "told"), TOLD, ids=[text for text, _ in TOLD])
def test_phrasings(text: str, told: str) -> None:
    assert READER.read(text) == expected(told)


def test_a_report_tells_what_its_sentences_tell() -> None:
    whole = " ".join(text for text, _ in TOLD)
    assert READER.read(whole) == set().union(*(expected(told) for _, told in TOLD))


@given(st.lists(st.sampled_from([*(w for t, _ in TOLD for w in t.split()), "İ", "\n", "\x00"])))
def test_whatever_is_written_is_read(words: list[str]) -> None:
    assert {change for _, change in READER.read(" ".join(words))} <= set(CHANGES)


def test_rules_that_cannot_be_used_are_sentences(tmp_path: Path) -> None:
    for content, message in (
        ("changes: {gone: [x]}", "gone"),
        ("changes: {new: ['(']}", "'new' holds a pattern that cannot be used"),
        ("cues: {}", "cues"),
    ):
        (tmp_path / "own.yml").write_text(content)
        with pytest.raises(RuleFileError, match=message):
            ChangeReader(CheXpertLabeler("corrected"), tmp_path / "own.yml")
    (tmp_path / "own.yml").write_text("changes: {resolved: [resuelto]}")
    own = ChangeReader(CheXpertLabeler("corrected"), tmp_path / "own.yml")
    assert own.read("Pleural effusion resuelto.") == {("Pleural Effusion", "resolved")}
