"""A single image is looked at before a model reads it: is it a lateral, is it a chest at all?"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from coherent_cxr.images.reading.decode import fit, read_square
from coherent_cxr.images.reading.pictures import read_pixels
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.recognition.chest_likeness import FEWEST, ChestLikeness
from coherent_cxr.images.recognition.view_classifier import ViewClassifier, rank_features
from coherent_cxr.images.source import open_source
from helpers.settings import filled

SIZE = 96
FINDINGS = ("Cardiomegaly", "Pleural Effusion", "Pneumothorax", "Lung Opacity", "Support Devices")


def _phantom(number: int) -> np.ndarray:
    labels = {FINDINGS[number % 5]: 1, FINDINGS[number // 5 % 5]: 1}
    return fit(read_pixels(draw_phantom(f"P{number}", labels, [], size=SIZE)).pixels, SIZE)


@pytest.fixture(scope="module")
def likeness() -> ChestLikeness:
    pixels = np.stack([_phantom(number) for number in range(60)])
    learnt = ChestLikeness.learn(pixels, np.arange(60))
    assert learnt is not None
    return learnt


def _hand() -> np.ndarray:
    """Five bright fingers over a palm."""
    drawn = np.zeros((SIZE, SIZE))
    drawn[48:90, 25:70] = 150
    for finger in range(5):
        drawn[10:60, 25 + 9 * finger : 31 + 9 * finger] = 200
    return drawn


ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
NO_CHESTS = {
    "noise": np.random.default_rng(0).integers(0, 256, (SIZE, SIZE)),
    "brighter downwards": ROWS,
    "brighter upwards": SIZE - ROWS,
    "brighter to the right": COLUMNS,
    "a disc": np.hypot(ROWS - 48, COLUMNS - 48) < 35,
    "a chessboard": (ROWS // 12 + COLUMNS // 12) % 2 * 255,
    "a hand": _hand(),
    "a bone": np.exp(-(((COLUMNS - 48) / 12.0) ** 2)) + 0.1 * np.sin(ROWS / 5),
    "text": np.random.default_rng(1).random((SIZE // 8, SIZE // 4)).repeat(8, 0).repeat(4, 1) < 0.2,
}


@pytest.mark.parametrize("kind", NO_CHESTS)
def test_what_is_no_chest_is_said_to_be_none(likeness: ChestLikeness, kind: str) -> None:
    pixels = fit(read_pixels(np.asarray(NO_CHESTS[kind])).pixels, SIZE)
    notes = ImageChecks(chest=likeness).notes(pixels)
    assert [(note.code, str(note.level)) for note in notes] == [("unlike_chest_radiograph", "warning")]


@pytest.mark.parametrize("change", ["upside down", "on its side", "negative"])
def test_a_chest_that_is_turned_or_inverted_is_warned_of(likeness: ChestLikeness, change: str) -> None:
    pixels = _phantom(300)
    changed = {"upside down": pixels[::-1], "on its side": pixels.T, "negative": 255 - pixels}[change]
    assert not likeness.is_like(rank_features(np.ascontiguousarray(changed)))


def test_new_phantoms_are_like_the_old_ones(likeness: ChestLikeness) -> None:
    like = [likeness.is_like(rank_features(_phantom(number))) for number in range(200, 240)]
    assert sum(like) >= 37


def test_neither_brightness_nor_contrast_nor_size_changes_the_answer(likeness: ChestLikeness) -> None:
    pixels = _phantom(300)
    whole = likeness.likeness(rank_features(pixels))
    dim = likeness.likeness(rank_features((pixels * 0.6 + 40).astype(np.uint8)))
    small = likeness.likeness(rank_features(fit(pixels, 48)))
    np.testing.assert_allclose([dim, small], [whole, whole], atol=0.02)


def test_likeness_is_the_correlation_with_the_mean() -> None:
    pixels = np.stack([_phantom(number) for number in range(FEWEST)])
    learnt = ChestLikeness.learn(pixels, np.arange(FEWEST))
    assert learnt is not None
    ranks = np.stack([rank_features(one) for one in pixels]).astype(float)
    wanted = np.corrcoef(ranks[7], ranks.mean(axis=0))[0, 1]
    assert learnt.likeness(rank_features(pixels[7]))[0] == pytest.approx(wanted, abs=1e-4)
    assert ChestLikeness.learn(pixels, np.arange(FEWEST - 1)) is None


def _view(number: int, view: str) -> np.ndarray:
    picture = np.random.default_rng(number).integers(100, 200, (40, 40), dtype=np.uint8)
    picture[(slice(None), slice(0, 18)) if view == "frontal" else slice(0, 18)] //= 4
    return picture


def test_the_classifier_is_a_logistic_regression_that_survives_json() -> None:
    views = np.array(["frontal", "lateral"] * 40)
    features = np.stack([rank_features(_view(number, view)) for number, view in enumerate(views)])
    learnt = ViewClassifier.learn(features, views, np.arange(80) // 2)
    again = ViewClassifier.from_dict(json.loads(json.dumps(learnt.as_dict())))
    assert learnt.accuracy == 1.0
    assert learnt.learnt_from == 80
    for number, view in ((100, "frontal"), (101, "lateral")):
        features = rank_features(_view(number, view))
        by_hand = 1 / (
            1 + np.exp(-(sum(a * b for a, b in zip(features, learnt.weights, strict=True)) + learnt.bias))
        )
        assert learnt.lateral(features) == pytest.approx(by_hand)
        assert again.lateral(features) == learnt.lateral(features)
        assert learnt.view(features) == view
    unsure = ViewClassifier(np.zeros(1024), 0.0, 0.5, 2)
    assert unsure.lateral(features) == 0.5
    assert unsure.view(features) is None


@pytest.mark.parametrize(
    "entry",
    [
        [],
        {"views": {"weights": [0.0] * 1023, "bias": 0, "accuracy": 1, "learnt_from": 9}},
        {"views": {"weights": [float("nan")] * 1024, "bias": 0, "accuracy": 1, "learnt_from": 9}},
        {"views": {"weights": ["x"] * 1024, "bias": 0, "accuracy": 1, "learnt_from": 9}},
        {"views": {"bias": 0}},
        {"chest": {"mean": [0.0] * 1024, "least": [0.1], "learnt_from": 9}},
        {"chest": {"mean": [0.0] * 1024, "least": [0.1, float("inf")], "learnt_from": 9}},
        {"chest": {"mean": None, "least": [0, 0], "learnt_from": 9}},
        {"chest": {"mean": [0.0] * 1024, "least": [0, 0], "learnt_from": float("inf")}},
    ],
)
def test_damaged_checks_are_refused(entry: object) -> None:
    with pytest.raises(ValueError, match=r"(no image checks|needs|could not convert|unpack)"):
        ImageChecks.from_dict(entry)


def test_checks_come_with_the_store_and_know_a_lateral(tmp_path: Path) -> None:
    (tmp_path / "png").mkdir()
    rows = []
    for number in range(120):
        view = ("frontal", "lateral")[number % 2]
        Image.fromarray(_view(number, view)).save(tmp_path / "png" / f"I{number}.png")
        rows.append((f"I{number}", f"S{number // 2}", view, "metadata"))
    images = pd.DataFrame(rows, columns=["image_id", "study_id", "view", "view_source"])
    manifest = RadiographsManifest(str(tmp_path / "png"), False, "a licence")
    config = filled(ImagePreparationConfig, size=32, work_dir=str(tmp_path / "work"))
    prepared = prepare_images(config, images, images["study_id"].unique(), manifest)
    assert set(prepared.store.index["view"]) == {"frontal"}
    checks = ImageChecks.from_dict(json.loads(json.dumps(prepared.checks)))
    assert checks.notes(_view(500, "frontal")) == ()
    codes = [note.code for note in checks.notes(_view(500, "lateral"))]
    assert codes == ["lateral_view", "unlike_chest_radiograph"]
    both = filled(
        ImagePreparationConfig, size=32, views=("frontal", "lateral"), work_dir=str(tmp_path / "work")
    )
    with_laterals = prepare_images(both, images, images["study_id"].unique(), manifest)
    reads_both = ImageChecks.from_dict(json.loads(json.dumps(with_laterals.checks)))
    assert reads_both.views is not None  # it still tells them apart
    assert reads_both.notes(_view(500, "lateral")) == ()  # but a lateral is nothing to warn of
    assert reads_both.notes(_view(500, "lateral"), is_lateral=True) == ()
    upside_down = [note.code for note in reads_both.notes(255 - _view(500, "lateral"))]
    assert upside_down == ["unlike_chest_radiograph"]


def test_a_store_of_one_image_is_a_store_without_checks(tmp_path: Path) -> None:
    (tmp_path / "png").mkdir()
    Image.fromarray(_view(0, "frontal")).save(tmp_path / "png" / "I0.png")
    images = pd.DataFrame({"image_id": ["I0"], "study_id": ["S0"], "view": ["frontal"]})
    config = filled(ImagePreparationConfig, size=32, work_dir=str(tmp_path / "work"), drop_variants=True)
    manifest = RadiographsManifest(str(tmp_path / "png"), False, "a licence")
    prepared = prepare_images(config, images, ["S0"], manifest)
    assert prepared.store.pixels.shape == (1, 32, 32)
    assert prepared.store.rows_of_study("S0") == [0]
    assert prepared.checks == {"views": None, "chest": None, "laterals_read": False}
    prepared.store.verify()


@pytest.mark.slow
def test_real_chests_are_known_from_laterals_and_other_pictures(shared_folder: Path) -> None:
    source = open_source(shared_folder / "openi" / "openi_images_256.tar")
    views = pd.read_csv(shared_folder / "openi" / "images.csv", dtype=str).set_index("image_id")["view"]
    chosen = {view: views.index[views == view].to_list()[:220] for view in ("frontal", "lateral")}
    pixels = {
        view: np.stack([read_square(data, SIZE).pixels for _, data in source.read(ids)])
        for view, ids in chosen.items()
    }
    learnt = ChestLikeness.learn(pixels["frontal"][:140], np.arange(140))
    assert learnt is not None
    unlike = {view: [not learnt.is_like(rank_features(one)) for one in pixels[view][140:]] for view in pixels}
    assert np.mean(unlike["frontal"]) <= 0.03
    assert np.mean(unlike["lateral"]) >= 0.5
    upside_down = [
        not learnt.is_like(rank_features(np.ascontiguousarray(one[::-1]))) for one in pixels["frontal"][140:]
    ]
    assert np.mean(upside_down) >= 0.98
