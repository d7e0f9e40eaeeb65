"""Repeats with other brightness or contrast are recognised, repeats of the exposure are not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from coherent_cxr.images.building import build_store
from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.recognition.similarity import likeness, ranks, thumbnail
from coherent_cxr.images.source import open_source

CHANGES = {
    "gamma": lambda x: x**0.6,
    "darker": lambda x: x**1.6,
    "flatter": lambda x: 0.3 + 0.6 * x,
    "window": lambda x: np.clip((x - 0.15) / 0.6, 0, 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-8 * (x - 0.5))),
}


def _changed(image: np.ndarray, change: str) -> np.ndarray:
    return (255 * CHANGES[change](image / 255.0)).astype(np.uint8)


def test_ranks_do_not_change_with_brightness() -> None:
    levels = np.array([3.0, 9.0, 1.0, 4.0], dtype=np.float32)
    np.testing.assert_allclose(ranks(levels), np.array([-0.5, 1.5, -1.5, 0.5]) / np.sqrt(5))
    np.testing.assert_array_equal(ranks(levels), ranks(np.sqrt(levels) * 7 + 1))
    np.testing.assert_array_equal(ranks(np.ones(1, dtype=np.float32)), [0])


def test_thumbnail_averages_blocks() -> None:
    image = np.zeros((64, 64), dtype=np.uint8)
    image[:2, 2:4] = [[10, 20], [30, 40]]
    small = thumbnail(image).reshape(32, 32)
    assert small[0, 1] == 25
    assert small.sum() == 25
    assert thumbnail(np.full((70, 70), 9, dtype=np.uint8)).tolist() == [9.0] * 1024


@pytest.mark.parametrize("change", CHANGES)
def test_other_contrast_is_the_same_image(change: str) -> None:
    drawn = draw_phantom("CXR1", {"Pleural Effusion": 1}, ["Large left effusion."], size=128)
    assert likeness(thumbnail(drawn), thumbnail(_changed(drawn, change))) > 0.99


def test_other_people_and_blank_images_are_other_images() -> None:
    one, two = (thumbnail(draw_phantom(name, {}, [], size=128)) for name in ("CXR1", "CXR2"))
    assert likeness(one, two) < 0.99
    assert likeness(np.zeros_like(one), np.zeros_like(one)) == 0


def test_the_store_keeps_the_first_of_its_kind(tmp_path: Path) -> None:
    drawn = draw_phantom("CXR1", {}, [], size=128)
    pictures = {
        "A": drawn,
        "B": _changed(drawn, "gamma"),
        "C": draw_phantom("CXR2", {}, [], size=128),
        "D": _changed(drawn, "darker"),
        "E": _changed(drawn, "window"),
    }
    for name, picture in pictures.items():
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    images = pd.DataFrame(
        {
            "image_id": list("ABCDE"),
            "study_id": ["S1", "S1", "S1", "S2", "S1"],
            "view": ["frontal"] * 4 + ["lateral"],
        }
    )
    for _ in "12":
        store, remarks = build_store(images, open_source(tmp_path), 64, tmp_path / "work", drop_variants=True)
        assert sorted(store.index["image_id"]) == ["A", "C", "D", "E"]  # D: another study, E: another view
        assert [(one.image_id, one.reason) for one in remarks] == [("B", "brightness_variant")]
        assert remarks[0].detail.startswith("It repeats A ")
        store.verify()
    whole, _ = build_store(images, open_source(tmp_path), 64, tmp_path / "work")
    assert len(whole) == 5
    assert whole.folder != store.folder
