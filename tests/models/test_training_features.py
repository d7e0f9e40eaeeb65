"""An image that is unlike the training images is told from one that is like them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.models.training_features import TrainingFeatures

SIDE = 64
Pictures = NDArray[np.uint8]


def _phantoms(first: int, count: int) -> Pictures:
    findings = ({}, {"Cardiomegaly": 1}, {"Pleural Effusion": 1}, {"Support Devices": 1})
    drawn = (
        draw_phantom(f"p{n}", findings[n % len(findings)], (), size=SIDE, seed=n)
        for n in range(first, first + count)
    )
    return np.stack(list(drawn))


def _drawn(shapes: list[tuple[str, tuple[int, ...], int]], chance: np.random.Generator) -> Pictures:
    """Draw shapes of a grey level on black, blurred, with grain."""
    image = Image.new("L", (SIDE, SIDE), 12)
    for shape, place, level in shapes:
        getattr(ImageDraw.Draw(image), shape)(list(place), fill=level)
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(1)), dtype=np.float64)
    return np.clip(blurred + chance.normal(0, 4, blurred.shape), 0, 255).astype(np.uint8)


def _knee(chance: np.random.Generator) -> Pictures:
    femur, tibia, fibula = (26, 0, 38, 26), (24, 40, 38, 64), (42, 42, 45, 64)
    joint = [("ellipse", (20, 20, 44, 33), 200), ("rectangle", (20, 35, 44, 42), 200)]
    shafts = [("rectangle", place, 190) for place in (femur, tibia, fibula)]
    return _drawn([("rectangle", (12, 0, 52, 64), 90), *shafts, *joint], chance)


def _lateral(chance: np.random.Generator) -> Pictures:
    trunk, lung, heart, spine = (11, 3, 56, 75), (15, 8, 43, 56), (15, 31, 32, 52), (44, 4, 52, 64)
    return _drawn(
        [("ellipse", trunk, 150), ("ellipse", lung, 70), ("ellipse", heart, 165), ("rectangle", spine, 190)],
        chance,
    )


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Backbone().eval()


@torch.no_grad()
def _features(backbone: Backbone, images: Pictures) -> NDArray[np.float32]:
    return backbone(torch.from_numpy(np.ascontiguousarray(images))).mean(dim=1).numpy()


@pytest.fixture(scope="module")
def known(backbone: Backbone) -> TrainingFeatures:
    return TrainingFeatures.fit(
        _features(backbone, _phantoms(0, 48)), _features(backbone, _phantoms(100, 24))
    )


def test_noise_a_knee_a_lateral_and_an_inverted_image_are_told(backbone, known) -> None:
    chance = np.random.default_rng(0)
    fresh = _phantoms(200, 8)
    unlike = {
        "noise": chance.integers(0, 256, (4, SIDE, SIDE), dtype=np.uint8),
        "knee": np.stack([_knee(chance) for _ in range(4)]),
        "lateral": np.stack([_lateral(chance) for _ in range(4)]),
        "inverted": 255 - fresh[:4],
        "upside down": fresh[:4, ::-1],
    }
    for name, images in unlike.items():
        assert (known.distance(_features(backbone, images)) > 1.5).all(), name
    like = known.distance(_features(backbone, fresh))
    assert (like > 1).sum() <= 2
    assert like.max() < 1.5


def test_distances_are_those_worked_out_by_hand() -> None:
    """Training images have variance 4 along x and 1 along y, and do not differ along z."""
    training = np.array([[2, 1, 0], [-2, 1, 0], [2, -1, 0], [-2, -1, 0]] * 5, dtype=np.float32)
    validation = np.array([[2, 0, 0.5], [0, 2, 1]], dtype=np.float32)  # along 1 and 2, across 0.5 and 1
    known = TrainingFeatures.fit(training, validation, quantile=1.0)
    np.testing.assert_allclose(known.variances, [4, 1], rtol=1e-6)
    np.testing.assert_allclose(known.limits, [2, 1], rtol=1e-6)
    # sqrt(4/4 + 1/1) along, divided by 2, is less than 3 across, divided by 1
    np.testing.assert_allclose(known.distance(np.array([[2, 1, 3]], dtype=np.float32)), [3], rtol=1e-6)
    # sqrt(16/4 + 4/1) / 2
    np.testing.assert_allclose(known.distance(np.array([[4, 2, 0]], dtype=np.float32)), [2**0.5], rtol=1e-6)


def test_the_limits_hold_the_wanted_share_of_validation_images() -> None:
    chance = np.random.default_rng(0)
    mixed = chance.normal(size=(8, 200))

    def draw(count: int) -> NDArray[np.float32]:
        made = chance.normal(size=(count, 8)) @ mixed + chance.normal(size=(count, 200))
        return made.astype(np.float32)

    known = TrainingFeatures.fit(draw(500), draw(400))
    assert known.components.shape == (32, 200)
    np.testing.assert_allclose(known.components @ known.components.T, np.eye(32), atol=1e-4)
    assert 0.95 < (known.distance(draw(400)) <= 1).mean() < 1
    assert (known.distance(draw(20) + 100) > 1).all()


def test_it_comes_back_as_it_was_saved_and_only_so(known) -> None:
    tensors = known.tensors()
    again = TrainingFeatures.from_tensors(tensors)
    features = np.random.default_rng(0).normal(size=(5, len(known.mean))).astype(np.float32)
    np.testing.assert_array_equal(again.distance(features), known.distance(features))
    for wrong in (
        {},
        {**tensors, "extra": torch.zeros(1)},
        {**tensors, "mean": tensors["mean"][:-1]},
        {**tensors, "limits": torch.tensor([1.0, float("nan")])},
        {**tensors, "limits": torch.tensor([1.0, 0.0])},
        {**tensors, "variances": -tensors["variances"]},
        {**tensors, "mean": tensors["mean"].double()},
        {**tensors, "components": tensors["components"].flatten()},
    ):
        with pytest.raises(ValueError, match="training features"):
            TrainingFeatures.from_tensors(wrong)


@pytest.mark.parametrize(("training", "validation"), [(0, 5), (1, 5), (5, 0)])
def test_too_few_images_are_refused(training: int, validation: int) -> None:
    features = np.ones((5, 3), dtype=np.float32)
    with pytest.raises(ValueError, match="too few"):
        TrainingFeatures.fit(features[:training], features[:validation])


def test_images_that_are_all_alike_do_not_divide_by_zero() -> None:
    same = np.ones((5, 3), dtype=np.float32)
    known = TrainingFeatures.fit(same, same)
    assert known.distance(same)[0] == 0
    assert np.isfinite(known.distance(same + 1)).all()
    assert (known.distance(same + 1) > 1).all()
