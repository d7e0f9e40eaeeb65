"""A study's report as text, JSON and ReXrank's entry."""

from __future__ import annotations

import json

from coherent_cxr.serving.outputs.readable import as_json, as_text, origin
from coherent_cxr.serving.outputs.rexrank import rexrank_entry
from coherent_cxr.serving.study_report import ModelIdentity, StudyImage
from helpers.study_reports import TEXT, make_study


def test_text_holds_the_report_and_what_lets_somebody_check_it():
    told = as_text(make_study(StudyImage("a.dcm", "lateral", "tags", "It is a lateral view.")))
    assert told.startswith("For research only, not for clinical use.")
    assert f"\nFINDINGS\n\n{TEXT}\n\n" in told
    assert "  a.dcm: lateral, view tags. Left out: It is a lateral view." in told
    assert "Warning: The image is unlike those that this model was trained on." in told
    assert "Edema: uncertain in the text; not called; probability 0.35." in told
    assert "models:/coherent-cxr@champion, version 3 (SHA-256 abab" in told


def test_text_moves_no_cursor():
    told = as_text(
        make_study(StudyImage("\x1b[2J\u202e", "frontal", "given"), text="\x1b[2Jclear", system="\x1b")
    )
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_a_folder_of_a_model_does_not_name_its_owner():
    study = make_study(model=ModelIdentity("/home/jane.doe/bundle/", None, "00"))
    assert "by the model bundle (SHA-256 00)" in origin(study)
    assert "jane" not in origin(study)


def test_json_is_what_every_door_shows():
    study = make_study()
    assert json.loads(as_json(study)) == json.loads(json.dumps(study.as_dict()))


def test_rexrank_keeps_what_was_asked_and_adds_the_prediction():
    asked = {"image_path": ["s/1.png"], "key_image_path": "s/1.png", "context": "Age:60.", "report": None}
    entry = rexrank_entry(make_study(), asked)
    assert entry == {**asked, "model_prediction": TEXT}
    images = [
        StudyImage("l.png", "lateral", "given", "It is a lateral."),
        StudyImage("f.png", "frontal", "given"),
    ]
    assert rexrank_entry(make_study(*images)) == {
        "key_image_path": "f.png",
        "image_path": ["l.png", "f.png"],
        "frontal_lateral": ["Lateral", "Frontal"],
        "model_prediction": TEXT,
    }
