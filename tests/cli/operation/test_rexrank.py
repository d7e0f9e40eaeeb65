"""``coherent-cxr rexrank`` with ReXrank's own options and form of file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from coherent_cxr.cli import main
from coherent_cxr.serving.outputs.rexrank_file import ReXrankFileError, read_entries, study_of
from coherent_cxr.serving.study.study import Refusal
from helpers.tiny_bundle import make_bundle


@pytest.fixture
def files(tmp_path):
    """ReXrank's input, images and a bundle."""
    for name in ("s1/0.png", "s1/1.png", "s2.png"):
        place = tmp_path / "images" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        levels = np.random.default_rng(len(name)).integers(0, 255, (90, 70), dtype=np.uint8)
        Image.fromarray(levels).save(place)
    make_bundle().save(tmp_path / "bundle")
    asked = {
        "s1": {
            "key_image_path": "s1/1.png",
            "image_path": ["s1/0.png", "s1/1.png"],
            "frontal_lateral": ["Lateral", "Frontal"],
            "section_findings": "Clear.",
            "section_impression": math.nan,
            "context": "Age:60-70.",
        },
        "s2": {"image_path": "/s2.png"},
        "gone": {"image_path": ["none.png"], "report": "Kept."},
        "odd": {"image_path": [7]},
        "out": {"image_path": ["../secret.png"]},
    }
    (tmp_path / "in.json").write_text(json.dumps(asked))
    return tmp_path


def typed(folder, **changes):
    options = {"input_json_file": "in.json", "save_json_file": "out.json", "img_root_dir": "images"}
    arguments = [
        part for key, name in (options | changes).items() for part in (f"--{key}", str(folder / name))
    ]
    return CliRunner().invoke(main, ["rexrank", *arguments, "--model", str(folder / "bundle")])


def test_every_study_has_a_prediction_or_says_why_not(files):
    done = typed(files)
    assert done.exit_code == 1
    assert "2 reports of 5 studies" in done.output
    assert "3 studies have no report" in done.output
    made = json.loads((files / "out.json").read_text())
    assert list(made) == ["s1", "s2", "gone", "odd", "out"]
    assert made["s1"]["model_prediction"]
    assert (made["s1"]["context"], made["s1"]["key_image_path"]) == ("Age:60-70.", "s1/1.png")
    assert math.isnan(made["s1"]["section_impression"])
    assert made["s2"]["model_prediction"]
    for key, why in (
        ("gone", "none.png"),
        ("odd", "names no image"),
        ("out", "outside of the images' folder"),
    ):
        assert made[key]["model_prediction"] == ""
        assert why in made[key]["error"]
    assert made["gone"]["report"] == "Kept."

    made["s1"]["model_prediction"] = "Done before."
    (files / "out.json").write_text(json.dumps(made))
    Image.new("L", (90, 70), 40).save(files / "images" / "none.png")  # a constant image
    again = typed(files)
    kept = json.loads((files / "out.json").read_text())
    assert again.exit_code == 1
    assert kept["s1"]["model_prediction"] == "Done before."
    assert "shows nothing" in kept["gone"]["error"]


def test_views_are_those_of_the_file(tmp_path):
    study = study_of("s", {"image_path": ["a", "b"], "frontal_lateral": ["Lateral", "Frontal"]}, tmp_path)
    assert [(image.name, image.view) for image in study.images] == [("a", "lateral"), ("b", "frontal")]
    short = study_of("s", {"image_path": ["a", "b"], "frontal_lateral": ["Lateral"]}, tmp_path)
    assert [image.view for image in short.images] == [None, None]
    key = study_of("s", {"image_path": math.nan, "key_image_path": "a.png"}, tmp_path)
    assert key.images[0].source == tmp_path / "a.png"
    for entry in (
        None,
        [],
        "a.png",
        {},
        {"image_path": []},
        {"image_path": {"a": 1}},
        {"image_path": ["a\0b"]},
    ):
        assert isinstance(study_of("s", entry, tmp_path), Refusal)


def test_files_that_are_not_rexranks_are_one_sentence(files):
    (files / "list.json").write_text("[1]")
    (files / "deep.json").write_text("[" * 100_000)
    (files / "bytes.json").write_bytes(b"\xff\xfe{")
    for name in ("list.json", "deep.json", "bytes.json", "none.json"):
        with pytest.raises(ReXrankFileError):
            read_entries(files / name)
        told = typed(files, input_json_file=name)
        assert told.exit_code == 1
        assert name in told.output
    assert "(--img_root_dir)" in typed(files, img_root_dir="nowhere").output
