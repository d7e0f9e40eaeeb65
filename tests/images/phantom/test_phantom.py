"""Each finding is in the pixels, on its side and in its place, clear of the person's own variation."""

import numpy as np
import pytest

from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.phantom.description import MENTIONS

SIZE = 96


def _change(labels: dict[str, int | None], *sentences: str, image_id: str = "CXR1") -> np.ndarray:
    """Grey levels (size, size) that the labels add to the same person without findings."""
    without = draw_phantom(image_id, {}, (), size=SIZE).astype(int)
    return draw_phantom(image_id, labels, sentences, size=SIZE).astype(int) - without


def test_same_inputs_give_the_same_bytes_and_others_do_not() -> None:
    first = draw_phantom("CXR1", {"Edema": 1}, ("Mild edema.",), size=64, seed=3)
    assert first.dtype == np.uint8
    assert first.shape == (64, 64)
    np.testing.assert_array_equal(
        first, draw_phantom("CXR1", {"Edema": 1}, ("Mild edema.",), size=64, seed=3)
    )
    assert (first != draw_phantom("CXR2", {"Edema": 1}, ("Mild edema.",), size=64, seed=3)).any()
    assert (first != draw_phantom("CXR1", {"Edema": 1}, ("Mild edema.",), size=64, seed=4)).any()


def test_negative_and_absent_findings_draw_nothing() -> None:
    denied = dict.fromkeys(MENTIONS, 0) | {"No Finding": 1, "Edema": None}
    assert (_change(denied, "No effusion.") == 0).all()


@pytest.mark.parametrize("label", list(MENTIONS))
@pytest.mark.parametrize("image_id", ["CXR1", "CXR7", "CXR42"])
def test_every_finding_is_clearly_visible(label: str, image_id: str) -> None:
    change = np.abs(_change({label: 1}, image_id=image_id))
    # Film noise is under 5 grey levels; a finding changes at least 40 pixels of 9,216 by far more than that.
    assert np.sort(change.ravel())[-40] > 15


@pytest.mark.parametrize("label", list(MENTIONS))
def test_uncertain_findings_are_fainter_but_there(label: str) -> None:
    certain, uncertain = (np.abs(_change({label: status})).sum() for status in (1, -1))
    assert 0.1 * certain < uncertain < 0.9 * certain


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Lung Lesion", "nodule"),
        ("Lung Opacity", "opacity"),
        ("Consolidation", "consolidation"),
        ("Pneumonia", "pneumonia"),
        ("Atelectasis", "atelectasis"),
    ],
)
@pytest.mark.parametrize(("side", "zone"), [("right", "upper"), ("right", "lower"), ("left", "upper")])
def test_findings_of_the_lung_are_in_their_lobe(label: str, words: str, side: str, zone: str) -> None:
    change = np.abs(_change({label: 1}, f"There is {words} in the {side} {zone} lobe."))
    rows, columns = np.indices(change.shape)
    inside = (columns < SIZE / 2) if side == "right" else (columns > SIZE / 2)
    inside &= (rows < 0.48 * SIZE) if zone == "upper" else (rows > 0.48 * SIZE)
    assert change[inside].sum() > 0.9 * change.sum()


@pytest.mark.parametrize("side", ["right", "left"])
def test_effusion_fills_the_costophrenic_angle_of_its_side(side: str) -> None:
    change = _change({"Pleural Effusion": 1}, f"Large {side} pleural effusion.")
    here, other = (slice(0, SIZE // 2), slice(SIZE // 2, SIZE))[:: 1 if side == "right" else -1]
    assert change[int(0.5 * SIZE) :, here].sum() > 0.95 * np.abs(change).sum()
    assert np.abs(change[:, other]).sum() == 0


@pytest.mark.parametrize("side", ["right", "left"])
def test_pneumothorax_is_dark_at_the_apex_of_its_side(side: str) -> None:
    change = _change({"Pneumothorax": 1}, f"There is a {side} pneumothorax.")
    here, other = (slice(0, SIZE // 2), slice(SIZE // 2, SIZE))[:: 1 if side == "right" else -1]
    assert (change[: int(0.5 * SIZE), here] < -15).sum() > 150
    assert np.abs(change[:, other]).sum() == 0


def test_fractures_are_on_their_side() -> None:
    change = np.abs(_change({"Fracture": 1}, "Left rib fracture."))
    assert change[:, SIZE // 2 :].sum() == change.sum() > 0


def _heart_width(image: np.ndarray) -> int:
    """Bright pixels in the rows of the heart, between the lungs."""
    rows = image[int(0.60 * SIZE) : int(0.68 * SIZE)].mean(axis=0)
    return int((rows > 150).sum())


def test_an_enlarged_heart_is_wider_than_any_normal_one() -> None:
    people = [f"CXR{number}" for number in range(40)]
    normal = [_heart_width(draw_phantom(person, {}, (), size=SIZE)) for person in people]
    enlarged = [_heart_width(draw_phantom(person, {"Cardiomegaly": 1}, (), size=SIZE)) for person in people]
    assert np.percentile(enlarged, 5) > np.percentile(normal, 95)


def test_a_widened_mediastinum_changes_the_upper_midline_only() -> None:
    change = np.abs(_change({"Enlarged Cardiomediastinum": 1}))
    assert change[: int(0.55 * SIZE), int(0.3 * SIZE) : int(0.7 * SIZE)].sum() > 0.97 * change.sum()


def test_low_and_high_lung_volumes_move_the_diaphragm() -> None:
    areas = [
        (draw_phantom("CXR1", {}, (words,), size=SIZE)[int(0.66 * SIZE) :, : SIZE // 2] < 120).sum()
        for words in ("Low lung volumes.", "Normal.", "The lungs are hyperexpanded.")
    ]
    assert areas[0] < areas[1] < areas[2]


@pytest.mark.parametrize(
    "words",
    ["pacemaker", "port", "PICC", "sternotomy wires", "endotracheal tube", "NG tube", "chest tube", "valve"],
)
def test_devices_are_bright(words: str) -> None:
    change = _change({"Support Devices": 1}, f"Right {words}.")
    assert change.min() >= 0
    assert (change > 20).sum() >= 12


def test_people_differ() -> None:
    images = np.stack([draw_phantom(f"CXR{n}", {}, (), size=64) for n in range(6)]).astype(int)
    for first in range(6):
        for second in range(first):
            assert np.abs(images[first] - images[second]).mean() > 5
