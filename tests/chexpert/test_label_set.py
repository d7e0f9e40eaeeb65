"""The labels of a process: set by configuration, adopted from a model, the same in children."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.codes import DEFAULT_TYPES, columns_of
from coherent_cxr.chexpert.observations import (
    FOURTEEN,
    VARIABLE,
    LabelSet,
    LabelSetError,
    adopt_label_set,
    how_many,
    label_set,
    use_label_set,
)
from coherent_cxr.chexpert.rules.checks import RuleFileError
from coherent_cxr.chexpert.shown import from_bytes, label_set_of, shown_labeler, to_bytes
from coherent_cxr.chexpert.tables import judges
from coherent_cxr.evaluation.metrics.clinical import clinical_measures
from coherent_cxr.evaluation.metrics.label_sets import LABEL_SETS
from coherent_cxr.rewards.clinical.coherence import CcrSettings
from coherent_cxr.rewards.clinical.f1_means import F1_MEANS, f1_means

TUBES = Path(__file__).parents[2] / "docs" / "examples" / "tubes" / "tubes.yml"
TWO = LabelSet(("No Finding", "Tube"), ("Tube",), "tubes.yml")


def test_the_labels_are_the_fourteen_until_something_else_is_said() -> None:
    assert tuple(OBSERVATIONS) == FOURTEEN
    assert how_many() == "14 labels"
    assert how_many("findings") == "13 labels"
    assert list(LABEL_SETS) == ["14 labels", "13 labels", "5 labels"]
    assert label_set_of("corrected") == label_set_of("original") == LabelSet()
    assert label_set_of("spanish").observations == FOURTEEN
    assert label_set_of("spanish").shown == "spanish"


def test_everything_follows_other_labels() -> None:
    use_label_set(TWO)
    assert list(OBSERVATIONS) == ["No Finding", "Tube"]
    assert list(DEFAULT_TYPES) == ["Tube"]
    assert columns_of(["Tube"]) == [1]
    assert dict(LABEL_SETS) == {"2 labels": ("No Finding", "Tube"), "1 labels": ("Tube",)}
    assert [mean.name for mean in F1_MEANS] == [
        *("micro-2-F1", "macro-2-F1", "macro-F1", "macro-F1-10", "weighted-F1")
    ]
    assert CcrSettings().types == ("Tube",)
    codes = np.array([[2, 1], [1, 0], [2, 1]], dtype=np.int8)
    assert f1_means(codes == 1, codes == 1)["micro_2_f1"] == 1
    names = {
        (m.name, m.labels) for measure in clinical_measures(codes, codes, "tubes") for m in measure.metrics
    }
    assert ("F1", "Tube") in names
    assert not any("Edema" in labels for _, labels in names)


def test_children_have_the_labels_of_their_parent() -> None:
    use_label_set(TWO)
    code = "from coherent_cxr.chexpert import OBSERVATIONS; print(*OBSERVATIONS, sep=',')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "No Finding,Tube"
    use_label_set(None)
    assert VARIABLE not in os.environ


def test_a_model_of_other_labels_is_adopted_once() -> None:
    adopt_label_set(TWO)
    assert label_set() == TWO
    adopt_label_set(TWO)
    with pytest.raises(LabelSetError, match="its labels are No Finding"):
        adopt_label_set(LabelSet())


def test_a_model_of_the_fourteen_keeps_others_out() -> None:
    adopt_label_set(LabelSet())
    with pytest.raises(LabelSetError, match="process of its own"):
        adopt_label_set(TWO)


def test_a_run_of_other_labels_refuses_a_model_of_the_fourteen() -> None:
    use_label_set(TWO)
    with pytest.raises(LabelSetError, match="this process works with"):
        adopt_label_set(LabelSet())


def test_a_spanish_model_is_shown_by_spanish_rules() -> None:
    adopt_label_set(label_set_of("spanish"))
    assert shown_labeler().label("Derrame pleural.")["Pleural Effusion"] == 1


def test_labels_travel_with_their_rules(tmp_path: Path) -> None:
    labels = label_set_of(str(TUBES))
    told = to_bytes(labels)
    again = from_bytes(told)
    assert again.observations == labels.observations
    assert again.shown == "tubes.yml"
    use_label_set(again)  # the file is not looked for
    text = "The ETT is too low."
    assert shown_labeler().label(text) == CheXpertLabeler(TUBES).label(text)
    assert to_bytes(again) == told


@pytest.mark.parametrize("wrong", [b"{}", b"[1]", b"x", to_bytes(LabelSet()).replace(b"Edema", b"Odema")])
def test_labels_that_are_none_are_refused(wrong: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_bytes(wrong)


def test_every_label_set_has_no_finding(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("observations: [Effusion]\nlexicon: {Effusion: {mentions: [effusion]}}\n")
    with pytest.raises(LabelSetError, match="they must be 'No Finding' and at least one more"):
        label_set_of(str(path))


def test_judges_must_have_the_same_labels() -> None:
    with pytest.raises(RuleFileError, match=r"Set chexpert_labelling\.beside to null"):
        judges(["corrected", str(TUBES)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ETT tip 4 cm above the carina.", "Endotracheal Tube=1, Endotracheal Tube Position=0"),
        ("The ETT is too low and should be retracted.", "Endotracheal Tube=1, Endotracheal Tube Position=1"),
        ("ET tube in the right mainstem bronchus.", "Endotracheal Tube=1, Endotracheal Tube Position=1"),
        ("There is no endotracheal tube.", "Endotracheal Tube=0"),
        ("The endotracheal tube has been removed.", "Endotracheal Tube=0"),
        ("Nasogastric tube with its tip in the stomach.", "Enteric Tube=1, Enteric Tube Position=0"),
        ("The enteric tube is coiled in the esophagus.", "Enteric Tube=1, Enteric Tube Position=1"),
        ("Right PICC with its tip in the SVC.", "Central Line=1, Central Line Position=0"),
        ("Interval removal of the right chest tube.", "Chest Tube=0"),
        ("Dual lead pacemaker is present.", "Pacemaker=1"),
        ("No pneumothorax.", ""),
    ],
)  # fmt: skip
def test_tubes_and_lines(text: str, says: str) -> None:
    labels = CheXpertLabeler(TUBES).label(text)
    said = [f"{name}={label}" for name, label in labels.items() if label is not None and name != "No Finding"]
    assert ", ".join(said) == says
    assert labels["No Finding"] == (None if "=1" in says else 1)
