"""A study of one or more images gives one report, or a sentence that says why not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydicom.uid import generate_uid

from coherent_cxr.images.reading.decode import UnreadableImageError
from coherent_cxr.images.reading.dicom.identifiers import image_tags
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.recognition.chest_likeness import ChestLikeness
from coherent_cxr.images.recognition.similarity import SIDE
from coherent_cxr.images.recognition.view_classifier import ViewClassifier
from coherent_cxr.inference.attention import image_features
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.models.decider import OperatingPointError
from coherent_cxr.reports.repeats import without_repeats
from coherent_cxr.reports.word_attention import words_of
from coherent_cxr.serving.generator import ReportWriter
from coherent_cxr.serving.image import prepared
from coherent_cxr.serving.study.study import (
    GivenImage,
    Refusal,
    RefusedStudyError,
    Study,
)
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import DicomReference, ModelIdentity, StudyReport
from helpers.dicom_files import dataset, written
from helpers.tiny_bundle import make_bundle

ENCODER = "small_cnn"
IDENTITY = ModelIdentity("a folder", None, "0" * 64)
TOP_BRIGHT = np.where(np.arange(SIDE * SIDE) < SIDE * SIDE // 2, 1.0, -1.0)
BY_TOP = ViewClassifier(TOP_BRIGHT, 0.0, 1.0, 100)
"""Calls an image lateral that is brighter at the top."""


def noise(seed: int, top: int = 0) -> np.ndarray:
    levels = np.random.default_rng(seed).integers(0, 100, (64, 64), dtype=np.uint8)
    levels[: 32 if top >= 0 else 0] += np.uint8(abs(top))
    levels[32:] += np.uint8(0 if top >= 0 else -top)
    return levels


FRONTAL, LATERAL = noise(1, -150), noise(2, 150)


def dicom(pixels: np.ndarray = FRONTAL, **tags: object) -> bytes:
    uids = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "PatientName": "Doe^Jane"}
    return written(dataset(pixels.astype(np.uint16) * 16, **{**uids, **tags}))


@pytest.fixture(scope="module")
def plain() -> StudyWriter:
    """Of a model that cannot tell views."""
    return StudyWriter(make_bundle(encoder=ENCODER), IDENTITY)


@pytest.fixture(scope="module")
def writer(plain: StudyWriter) -> StudyWriter:
    return StudyWriter(dataclasses.replace(plain.bundle, image_checks=ImageChecks(BY_TOP)), IDENTITY)


@pytest.fixture(scope="module")
def of_both() -> StudyWriter:
    bundle = make_bundle(encoder=ENCODER, study_input="per_study", sentence_feedback=True)
    return StudyWriter(dataclasses.replace(bundle, image_checks=ImageChecks(BY_TOP, None, True)), IDENTITY)


def refused(writer: StudyWriter, *images: object) -> Refusal:
    with pytest.raises(RefusedStudyError) as raised:
        writer.write(Study.of(images, "S1"))
    assert str(raised.value) == raised.value.refusal.message
    return raised.value.refusal


def test_one_image_gives_the_report_of_the_writer_of_images(writer: StudyWriter, image_file: Path) -> None:
    told = writer.write(Study.of([image_file]))
    alone = ReportWriter(writer.bundle).write(image_file)
    assert told.report.as_dict() == alone.as_dict()
    np.testing.assert_array_equal(told.report.image, alone.image)
    for ours, theirs in zip(told.report.attention, alone.attention, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.regions, other.regions)
    assert (told.study_id, told.images[0].name, told.model) == ("study.png", "study.png", IDENTITY)
    assert told.as_dict()["images"][0]["left_out"] is None
    assert told.created.endswith("+00:00")


def test_many_studies_give_what_each_gives_alone(writer: StudyWriter) -> None:
    studies = [Study.of([noise(seed, 40 * (seed % 3) - 60)], f"S{seed}") for seed in range(7)]
    studies.insert(3, Study.of([np.zeros((64, 64), np.uint8)], "black"))
    small = StudyWriter(writer.bundle, IDENTITY, batch_size=4)
    together = list(small.write_many(iter(studies)))
    assert [outcome.study_id for outcome in together] == [study.study_id for study in studies]
    for study, outcome in zip(studies, together, strict=True):
        if isinstance(outcome, Refusal):
            assert (outcome.study_id, outcome.reason) == ("black", "constant_image")
            continue
        assert outcome.report.as_dict() == writer.write(study).report.as_dict()
    assert sum(isinstance(outcome, StudyReport) for outcome in together) == 7


def test_studies_of_two_images_give_what_each_gives_alone(of_both: StudyWriter) -> None:
    studies = [
        Study.of([noise(3, -150), noise(4, 150)], "both"),
        Study.of([noise(5, -150)], "frontal"),
        Study.of([noise(6, 150)], "lateral"),
        Study.of([noise(7, 150), noise(8, -150), noise(9, -150)], "three"),
    ]
    for study, outcome in zip(studies, of_both.write_many(studies), strict=True):
        assert isinstance(outcome, StudyReport)
        alone = of_both.write(study)
        assert outcome.as_dict()["report"] == alone.as_dict()["report"]
        assert outcome.images == alone.images
        for ours, theirs in zip(outcome.report.attention, alone.report.attention, strict=True):
            np.testing.assert_allclose(ours[0].regions, theirs[0].regions, atol=1e-5)


def test_a_model_of_studies_reads_both_views_in_any_order(of_both: StudyWriter) -> None:
    """As in training: frontal in the first place, lateral in the second, each with its view's embedding."""
    told = of_both.write(Study.of([LATERAL, FRONTAL]))
    assert [(image.view, image.view_from, image.left_out) for image in told.images] == [
        ("lateral", "classifier", None),
        ("frontal", "classifier", None),
    ]
    assert told.report.text == of_both.write(Study.of([FRONTAL, LATERAL])).report.text
    images = [prepared(image, 64).pixels for image in (FRONTAL, LATERAL)]
    np.testing.assert_array_equal(told.report.image, images[0])
    model = of_both.bundle.build()
    regions = model.encoder(image_features(model, np.stack(images)).unsqueeze(0), torch.tensor([[0, 1]]))
    (expected,) = word_ids(decode(model, regions).reports)
    words = [of_both.bundle.vocabulary.decode(sentence) for sentence in expected]
    assert words_of(told.report.attention) == without_repeats(words)
    word = told.report.attention[0][0]
    assert word.regions.shape == (2, 2)
    assert word.regions.sum() + word.sentinel < 1 - 1e-3  # the rest is on the lateral image
    assert "lateral_view" not in {note.code for note in told.notes}


def test_of_a_frontal_model_the_lateral_is_left_out(writer: StudyWriter) -> None:
    told = writer.write(Study.of([LATERAL, FRONTAL, noise(3, -150)], "S1"))
    assert [image.view for image in told.images] == ["lateral", "frontal", "frontal"]
    assert "reads frontal ones only" in (told.images[0].left_out or "")
    assert told.images[1].left_out is None
    assert "came first" in (told.images[2].left_out or "")
    np.testing.assert_array_equal(told.report.image, prepared(FRONTAL, 64).pixels)


def test_views_come_as_given_else_by_tags_else_by_the_classifier_else_they_are_assumed(
    writer: StudyWriter, plain: StudyWriter
) -> None:
    images = [
        GivenImage(LATERAL, view="frontal"),
        dicom(LATERAL, ViewPosition="PA"),
        LATERAL,
        np.roll(noise(5), 3),
    ]
    told = writer.write(Study.of(images, "S1"))
    assert [(image.view, image.view_from) for image in told.images[:3]] == [
        ("frontal", "given"),
        ("frontal", "tags"),
        ("lateral", "classifier"),
    ]
    unsure = plain.write(Study.of([LATERAL], "S1"))
    assert (unsure.images[0].view, unsure.images[0].view_from) == ("frontal", "assumed")


def test_a_frontal_of_known_view_comes_before_an_assumed_one(plain: StudyWriter) -> None:
    told = plain.write(Study.of([noise(1), GivenImage(noise(2), view="frontal")], "S1"))
    np.testing.assert_array_equal(told.report.image, prepared(noise(2), 64).pixels)


def test_laterals_alone_are_refused_where_that_is_certain(writer: StudyWriter, of_both: StudyWriter) -> None:
    for image in (GivenImage(FRONTAL, view="lateral"), dicom(ViewPosition="LL")):
        refusal = refused(writer, image)
        assert refusal.reason == "lateral_only"
        assert "frontal ones only" in refusal.message
        assert refusal.images[0].view == "lateral"
    guessed = writer.write(Study.of([LATERAL], "S1"))
    assert "lateral_view" in {note.code for note in guessed.notes if note.level == "warning"}
    marked = writer.write(Study.of([dicom(BurnedInAnnotation="YES")]))
    assert "burned_in_annotation" in {note.code for note in marked.notes if note.level == "warning"}
    read = of_both.write(Study.of([dicom(ViewPosition="LL")]))
    assert [note.code for note in read.notes if note.level == "warning"] == ["no_frontal"]


@pytest.mark.parametrize(
    ("images", "reason", "message"),
    [
        ([], "no_image", "holds no image"),
        ([b""], "empty_file", "empty file"),
        ([b"not an image"], "unknown_format", "neither a PNG, a JPEG nor a DICOM"),
        ([np.full((64, 64), 7, np.uint8)], "constant_image", "shows nothing"),
        (["absent.png"], "missing_image", "no image file absent.png"),
        ([b"x", b"y"], "unknown_format", "None of the 2 images of the study 'S1' can be used"),
        ([b"x", b""], "no_usable_image", "The first: "),
        ([dicom(Modality="CT")], "other_modality", "computed tomography"),
        ([dicom()[:3000]], "truncated_image", "cannot be decoded"),
        ([FRONTAL] * 65, "too_many_images", "65 images; at most 64"),
    ],
)
def test_what_gets_no_report_says_why(
    writer: StudyWriter, images: list[object], reason: str, message: str
) -> None:
    refusal = refused(writer, *images)
    assert refusal.reason == reason
    assert message in refusal.message
    assert refusal.study_id == "S1"
    assert "Doe" not in refusal.message


def test_a_study_with_one_image_that_cannot_be_read_is_reported_on_with_a_warning(
    writer: StudyWriter,
) -> None:
    told = writer.write(Study.of([b"damaged", FRONTAL], "S1"))
    assert "neither a PNG" in (told.images[0].left_out or "")
    assert told.images[0].view == "unknown"
    warnings = [note for note in told.notes if note.level == "warning"]
    assert warnings[0].code == "unread_images"
    assert "1 of the 2 images" in warnings[0].detail


def test_another_part_of_the_body_is_refused_if_pixels_agree_with_the_tags(writer: StudyWriter) -> None:
    knee = dicom(BodyPartExamined="KNEE")
    warned = writer.write(Study.of([knee], "S1"))
    assert "other_body_part" in {note.code for note in warned.notes}
    usual = np.stack([noise(seed, 150) for seed in range(40)])
    chest = ImageChecks(chest=ChestLikeness.learn(usual, np.arange(40)))
    knowing = StudyWriter(dataclasses.replace(writer.bundle, image_checks=chest), IDENTITY)
    refusal = refused(knowing, knee)
    assert refusal.reason == "other_body_part"
    assert "knee" in refusal.message
    beside = writer.write(Study.of([knee, noise(3, -150)], "S1"))
    assert "knee" in (beside.images[0].left_out or "")


def test_dicom_images_bring_their_identifiers_and_nothing_of_the_patient(writer: StudyWriter) -> None:
    instance = generate_uid(entropy_srcs=["an instance"])
    told = writer.write(Study.of([dicom(SOPInstanceUID=instance)]))
    assert told.study_id == "1.2.3"
    reference = told.images[0].dicom
    assert reference is not None
    assert reference[:3] == ("1.2.3", "1.2.3.4", instance)
    assert DicomReference(**told.as_dict()["images"][0]["dicom"]) == reference
    assert "Doe" not in str(told.as_dict())
    nameless = writer.write(Study.of([dicom(StudyInstanceUID="Doe^Jane")]))
    assert nameless.study_id == "image 1"
    assert nameless.images[0].dicom is None


def test_numbers_that_overflow_give_no_report_of_any_study(writer: StudyWriter) -> None:
    weights = {name: tensor.clone() for name, tensor in writer.bundle.weights.items()}
    weights["encoder.projection.bias"].fill_(3e38)
    weights["encoder.projection.weight"] *= 1e30
    broken = StudyWriter(dataclasses.replace(writer.bundle, weights=weights), IDENTITY)
    outcomes = list(broken.write_many([Study.of([FRONTAL], "S1"), Study.of([FRONTAL], "S2")]))
    assert [(outcome.study_id, outcome.reason) for outcome in outcomes] == [
        ("S1", "not_finite"),
        ("S2", "not_finite"),
    ]


def test_an_operating_point_that_is_not_there_stops_before_any_work(plain: StudyWriter) -> None:
    with pytest.raises(OperatingPointError, match="brings no decisions"):
        StudyWriter(plain.bundle, IDENTITY, operating_point="balanced")


def test_pictures_in_files_keep_the_names_of_their_files(writer: StudyWriter, tmp_path: Path) -> None:
    Image.fromarray(FRONTAL).save(tmp_path / "a.png")
    Image.fromarray(LATERAL).save(tmp_path / "b.png")
    told = writer.write(Study.of([tmp_path / "a.png", tmp_path / "b.png"]))
    assert [image.name for image in told.images] == ["a.png", "b.png"]
    assert all(note.detail.startswith("'a.png': ") for note in told.report.notes)


def test_images_that_somebody_else_has_read_give_the_same_report(writer: StudyWriter) -> None:
    file = dicom(LATERAL, ViewPosition="PA")
    read = prepared(file, 64, "The image at position 1")
    other = GivenImage(UnreadableImageError("decoder_crashed", "It made its decoder crash."), "b")
    given = GivenImage(read, "a", tags=image_tags(file, "a"))
    told = writer.write(Study((given, other)))
    assert told.as_dict()["report"] == writer.write(Study.of([file])).as_dict()["report"]
    assert (told.study_id, told.images[0].view_from) == ("1.2.3", "tags")
    assert told.images[1].left_out == "It made its decoder crash."
