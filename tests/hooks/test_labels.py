"""The labels of a run are set before any work, and what does not fit them stops it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import FOURTEEN, label_set
from coherent_cxr.hooks.labels import LabelsHook
from coherent_cxr.stopped import RunStoppedError

TUBES = str(Path(__file__).parents[2] / "docs" / "examples" / "tubes" / "tubes.yml")


def begin(**section: object) -> None:
    LabelsHook().after_context_created(
        SimpleNamespace(config_loader={"parameters": {"chexpert_labelling": section}})
    )


def test_a_context_sets_the_labels_of_its_rule_set_and_the_next_one_others() -> None:
    begin(rules=TUBES, beside=None)
    assert OBSERVATIONS[1] == "Endotracheal Tube"
    begin(rules="spanish", beside=None)
    assert label_set().shown == "spanish"
    begin(rules="corrected", beside="original")
    assert tuple(OBSERVATIONS) == FOURTEEN
    assert label_set().shown == "corrected"


@pytest.mark.parametrize(
    ("rules", "beside", "message"),
    [
        ("nowhere.yml", None, "'chexpert_labelling.rules' cannot be used. The rule file nowhere.yml"),
        (TUBES, "original", "beside is 'original', whose labels are not those of"),
        (TUBES, "chexbert", "beside is 'chexbert', whose labels are not those of"),
        ("corrected", TUBES, "it to null, or to a rule set with the same labels"),
    ],
)
def test_what_does_not_fit_stops_the_run(rules: str, beside: str | None, message: str) -> None:
    with pytest.raises(RunStoppedError, match=message.replace(".", r"\.")):
        begin(rules=rules, beside=beside)


def test_settings_of_other_kinds_are_left_to_their_own_check() -> None:
    begin(rules=3, beside=[])
    LabelsHook().after_context_created(
        SimpleNamespace(config_loader={"parameters": {"chexpert_labelling": 1}})
    )
    assert tuple(OBSERVATIONS) == FOURTEEN
