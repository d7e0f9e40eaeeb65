"""The learnt labeller: it repeats what it was taught, takes corrections, is measured on what is new to it."""

import pickle
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.learnt.corrections import read_corrections
from coherent_cxr.chexpert.learnt.features import features
from coherent_cxr.chexpert.learnt.fitting import agreement, fit, labelled_sentences, out_of_fold
from coherent_cxr.chexpert.learnt.labeller import CLASSES, LearntLabeler
from coherent_cxr.chexpert.opening import labeler_of
from coherent_cxr.chexpert.rules.checks import RuleFileError
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.inputs.errors import TableError

BASE = CheXpertLabeler("corrected")
THINGS = ("effusion", "pneumothorax", "edema", "consolidation", "pneumonia", "atelectasis")
REPORTS = [
    form.format(one, other)
    for form, (one, other) in product(
        ("No {0} or {1}.", "Small {0}. No {1}.", "Possible {0} and {1}.", "There is {0} without {1}."),
        product(THINGS, THINGS),
    )
    if one != other
]
CORRECTIONS = {
    f"Film shows the {word} sign.": {"Pneumothorax": 1} for word in ("deep sulcus", "sulcus", "deep")
}


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("learnt") / "mine.safetensors"
    path.write_bytes(fit(BASE, labelled_sentences(BASE, REPORTS, CORRECTIONS)))
    return path


def test_it_labels_as_the_rules_it_learnt_from_and_as_corrected(learnt: Path) -> None:
    labeler = labeler_of(str(learnt), 100)
    assert isinstance(labeler, LearntLabeler)
    assert labeler.name == "mine.safetensors"
    for text in REPORTS[::7]:
        assert labeler.label(text) == BASE.label(text), text
    assert labeler.label("Film shows the deep sulcus sign.")["Pneumothorax"] == 1
    assert BASE.label("Film shows the deep sulcus sign.")["Pneumothorax"] is None
    assert labeler.label("")["No Finding"] == 1


def test_it_is_a_labeller_like_any_other(learnt: Path) -> None:
    labeler = labeler_of(str(learnt), 100)
    again = pickle.loads(pickle.dumps(labeler))
    carried = labeler_of("mine", 0, labeler.exported())
    texts = REPORTS[:20]
    expected = labeler.label_many(texts)
    assert again.label_many(texts).equals(expected)
    assert carried.label_many(texts).equals(expected)
    assert carried.digest == again.digest == labeler.digest != BASE.digest
    mention = labeler.explain("The chest. Small effusion.")[0]
    assert (mention.text, mention.observation, mention.status) == ("Small effusion.", "Pleural Effusion", 1)


def test_the_same_sentences_give_the_same_file() -> None:
    sentences = labelled_sentences(BASE, REPORTS[:40])
    assert fit(BASE, sentences) == fit(BASE, sentences)


def test_a_correction_is_tested_on_a_labeller_that_has_not_seen_it() -> None:
    # a nonsense word that one sentence alone has: out of fold nobody can know its label
    corrections = {"Quux.": {"Fracture": 1}}
    sentences = labelled_sentences(BASE, REPORTS, corrections)
    found = out_of_fold(BASE, sentences)
    row, column = sentences.texts.index("quux."), BASE.observations.index("Fracture")
    assert CLASSES[sentences.codes[row, column]] == 1
    assert sentences.corrected[row].sum() == 1
    assert CLASSES[found[row, column]] is None
    table = agreement(BASE, sentences, found).set_index("observation")
    assert table.loc["Fracture", ["sentences_corrections", "alike_corrections"]].tolist() == [1, 0]
    assert table.loc["Pleural Effusion", "sentences_corrections"] == 0
    assert table.loc["Pleural Effusion", "f1_rules"] > 0.9


def test_sentences_that_differ_in_numbers_are_in_one_fold() -> None:
    numbered = [f"Nodule of {n} mm at level {n + 3}." for n in range(30)]
    sentences = labelled_sentences(BASE, [*REPORTS, *numbered])
    found = out_of_fold(BASE, sentences)
    column = BASE.observations.index("Lung Lesion")
    rows = [i for i, text in enumerate(sentences.texts) if text.startswith("nodule of")]
    assert len(rows) == 30
    assert {CLASSES[found[row, column]] for row in rows} == {None}  # no other sentence has a nodule


def test_features_see_a_denial_far_before_a_word() -> None:
    found = features("no focal consolidation, effusion or 12 pneumothorax.")
    assert {"no .. pneumothorax", "^ no", "pneumothorax $", "or 0 pneumothorax"} <= found


def test_wrong_files_are_refused_in_a_sentence(tmp_path: Path, learnt: Path) -> None:
    good = learnt.read_bytes()
    for number, content in enumerate((b"", b"nothing", good[: len(good) // 2], good[:-4], b"\xff" * 64)):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(content)
        with pytest.raises(RuleFileError, match="train-labeller"):
            labeler_of(str(path), 0)
    with pytest.raises(RuleFileError, match="cannot be read"):
        labeler_of(str(tmp_path / "none.safetensors"), 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "corrections have 'sentence'"),
        ("sentence,Colour\nx,1\n", "named as a label"),
        ("sentence,Edema\nx,yes\n", "must be 1, 0, -1"),
    ],
)
def test_wrong_corrections_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        read_corrections(path, BASE.observations)


def test_corrections_are_read(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text('sentence,Edema,Fracture,comment\n"Wet lungs.",1,,seen\nDry lungs.,0.0,-1,\n')
    assert read_corrections(path, BASE.observations) == {
        "Wet lungs.": {"Edema": 1, "Fracture": None},
        "Dry lungs.": {"Edema": 0, "Fracture": -1},
    }


def test_too_little_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="different sentences"):
        labelled_sentences(BASE, ["No effusion."])
    with pytest.raises(ConfigurationError, match="names the observation 'Foot'"):
        labelled_sentences(BASE, REPORTS, {"Foot.": {"Foot": 1}})


def test_the_codes_of_sentences_know_other_findings() -> None:
    sentences = labelled_sentences(BASE, [*REPORTS, "Calcified granuloma."])
    column = BASE.observations.index("No Finding")
    row = sentences.texts.index("calcified granuloma.")
    assert CLASSES[sentences.codes[row, column]] == 1
    assert np.all(sentences.times >= 1)
