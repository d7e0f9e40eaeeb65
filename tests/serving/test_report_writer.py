"""One image in any form gives one report, prepared as training images are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.finite import NonFiniteError
from coherent_cxr.images.reading.decode import UnreadableImageError, fit, read_image
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.recognition.chest_likeness import ChestLikeness
from coherent_cxr.inference.attention import generate_with_attention, image_features
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.training_features import TrainingFeatures
from coherent_cxr.serving.generator import ReportWriter, prepared
from helpers.dicom_files import dataset, written
from helpers.study_files import levels
from helpers.tiny_bundle import make_bundle


def test_a_report_has_text_sentences_labels_and_attention(bundle, image_file: Path):
    report = ReportWriter(bundle).write(image_file)
    assert report.text
    assert " ".join(report.sentences) == report.text
    assert list(report.labels) == list(OBSERVATIONS)
    assert report.system == "full"
    assert report.label_rules == "corrected"
    assert len(report.attention) == len(report.sentences)
    for sentence in report.attention:
        for word in sentence:
            assert word.regions.shape == (2, 2)
            assert word.regions.sum() + word.sentinel == pytest.approx(1, abs=1e-5)


def test_the_image_is_prepared_as_in_the_image_store(bundle, image_file: Path):
    report = ReportWriter(bundle, remove_repeats=False).write(image_file)
    square = fit(read_image(image_file), 64)
    np.testing.assert_array_equal(report.image, square)
    words = generate_with_attention(bundle.build(), bundle.vocabulary, square)
    assert [[w.word for w in s] for s in report.attention] == [[w.word for w in s] for s in words]


@pytest.mark.parametrize("study_input", ["per_image", "per_study"])
def test_a_lateral_is_read_as_one_or_warned_of(study_input: str):
    tagged = {view: written(dataset(levels(1).astype(np.uint16), ViewPosition=view)) for view in ("PA", "LL")}
    writer = ReportWriter(make_bundle(study_input=study_input))
    frontal, lateral = (writer.write(image) for image in tagged.values())
    warned = [note.code for note in lateral.notes if note.code == "lateral_view"]
    assert "lateral_view" not in [note.code for note in frontal.notes]
    assert warned == (["lateral_view"] if study_input == "per_image" else [])
    first = frontal.attention[0][0].regions, lateral.attention[0][0].regions
    assert np.array_equal(*first) == (study_input == "per_image")  # else by the embedding of the view


def test_a_path_bytes_an_array_and_a_picture_give_the_same_report(bundle, image_file: Path):
    writer = ReportWriter(bundle)
    with Image.open(image_file) as picture:
        levels = np.asarray(picture)
        forms = [image_file, str(image_file), image_file.read_bytes(), levels, picture.copy()]
    forms += [levels / 255, levels.astype(np.float32), levels.astype(np.uint16) * 257]
    assert len({writer.write(form).text for form in forms}) == 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_pictures_of_every_mode_become_grey(mode: str):
    picture = Image.new("RGB", (20, 30), (255, 255, 255))
    picture.paste((0, 0, 0), (0, 0, 20, 12))
    levels = prepared(picture.convert(mode), 30).pixels
    assert levels.shape == (30, 30)
    assert levels.dtype == np.uint8
    assert levels[14:, 5:25].min() >= 250
    assert levels[:10].max() <= 5


def test_sixteen_bit_arrays_are_stretched_as_sixteen_bit_files_are(tmp_path: Path):
    levels = np.linspace(100, 4000, 40 * 30).reshape(40, 30).astype(np.uint16)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(prepared(levels, 40).pixels, fit(read_image(tmp_path / "deep.png"), 40))


def test_a_repeated_sentence_is_written_once(bundle, image_file: Path):
    every = ReportWriter(bundle, remove_repeats=False).write(image_file).sentences
    once = ReportWriter(bundle).write(image_file).sentences
    assert len(set(every)) < len(every), "the fixture's seed no longer gives a repeated sentence"
    assert once == list(dict.fromkeys(every))


def test_what_is_no_image_is_refused_with_its_reason(bundle, tmp_path: Path):
    path = tmp_path / "notes.png"
    path.write_text("not an image")
    with pytest.raises(UnreadableImageError, match="neither a PNG, a JPEG nor a DICOM"):
        ReportWriter(bundle).write(path)
    with pytest.raises(UnreadableImageError, match="no image file"):
        ReportWriter(bundle).write(tmp_path / "absent.png")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((64, 64), np.uint8), "shows nothing"),
        (np.full((80, 50), 200, np.uint8), "shows nothing"),
        (Image.new("RGB", (64, 64), (90, 90, 90)), "shows nothing"),
        (np.full((64, 64), np.nan), "not a number"),
        (np.where(np.eye(64) > 0, np.inf, 0.5), "not a number"),
        (np.zeros((64, 64, 7), np.uint8), "array of uint8"),
        (np.zeros(64, np.uint8), "array of uint8"),
        (np.array([["a"]]), "array of"),
    ],
)
def test_what_shows_nothing_gets_no_report(bundle, image, message: str):
    with pytest.raises(UnreadableImageError, match=message):
        ReportWriter(bundle).write(image)


def test_a_report_names_its_rules_and_what_the_model_was_trained_with(bundle, image_file: Path):
    shown = ReportWriter(bundle).write(image_file)
    assert (shown.label_rules, shown.taught_by_rules) == ("corrected", "not recorded")
    trained = dataclasses.replace(bundle, metadata={**bundle.metadata, "label_rules": "original"})
    shown = ReportWriter(trained).write(image_file)
    assert (shown.label_rules, shown.taught_by_rules) == ("corrected", "original")
    assert shown.labels == CheXpertLabeler("corrected").label(shown.text)


def test_notes_of_the_reader_reach_the_report(bundle):
    made = dataset(
        np.random.default_rng(0).integers(0, 4095, (64, 48), dtype=np.uint16), BodyPartExamined="KNEE"
    )
    made.ViewPosition = "LL"
    codes = [note.code for note in ReportWriter(bundle).write(written(made)).notes]
    assert {"lateral_view", "other_body_part", "not_compared"} <= set(codes)


def test_an_image_unlike_the_training_is_told(bundle, image_file: Path, tmp_path: Path):
    """The training images of this bundle are the fixture's picture with some noise."""
    chance = np.random.default_rng(0)
    usual = prepared(image_file, 64).pixels
    noisy = [np.clip(usual + chance.normal(0, 8, usual.shape), 0, 255).astype(np.uint8) for _ in range(24)]
    images = [prepared(image, 64).pixels for image in noisy]
    model = bundle.build()
    with torch.no_grad():
        features = np.stack([image_features(model, image).mean(dim=1)[0].numpy() for image in images])
    checks = ImageChecks(chest=ChestLikeness.learn(np.stack(images * 2), np.arange(48)))
    known = dataclasses.replace(
        bundle, training_features=TrainingFeatures.fit(features[:16], features[16:]), image_checks=checks
    )
    writer = ReportWriter(known)
    assert writer.write(noisy[20]).notes == ()
    unlike = writer.write(255 - usual)
    assert {note.code for note in unlike.notes} == {"unlike_training", "unlike_chest_radiograph"}
    assert all(note.level == "warning" for note in unlike.notes)
    assert "unlike those that this model was trained on" in unlike.as_dict()["notes"][-1]["detail"]
    known.save(tmp_path / "bundle")
    assert ReportWriter(ModelBundle.load(tmp_path / "bundle")).write(255 - usual).notes == unlike.notes


@pytest.mark.parametrize(
    "place",
    ["word_decoder.word.weight", "encoder.backbone.features.layer0.0.weight", "encoder.projection.bias"],
)
@pytest.mark.parametrize("value", [3e38, -3e38])
def test_numbers_that_overflow_give_no_report(bundle, image_file: Path, place: str, value: float):
    weights = {name: tensor.clone() for name, tensor in bundle.weights.items()}
    weights[place].fill_(value)
    weights["encoder.projection.weight"] *= 1e30
    with pytest.raises(NonFiniteError, match="not all finite numbers"):
        ReportWriter(dataclasses.replace(bundle, weights=weights)).write(image_file)
