"""Training studies whose images look alike are named, nearest first; a damaged file is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coherent_cxr.models.training_studies import TrainingStudies

KNOWN = TrainingStudies(("a", "b", "c"), np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float16))


def test_the_nearest_come_first_with_their_cosine_distance() -> None:
    found, other = KNOWN.nearest(np.array([[2, 0], [0, 0.5]], dtype=np.float32), 2)
    assert found == [("a", 0.0), ("c", pytest.approx(1 - 1 / np.sqrt(2), abs=1e-3))]
    assert [name for name, _ in other] == ["b", "c"]
    (nothing,) = KNOWN.nearest(np.zeros((1, 2), np.float32), 9)
    assert [name for name, _ in nothing] == ["a", "b", "c"]


def test_they_are_saved_and_read_again() -> None:
    read = TrainingStudies.from_tensors(KNOWN.tensors())
    assert read.ids == KNOWN.ids
    np.testing.assert_array_equal(read.features, KNOWN.features)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": torch.zeros(2, 2, dtype=torch.float16)}, "do not fit their features"),
        ({"features": torch.zeros(3, dtype=torch.float16)}, "do not fit their features"),
        ({"features": torch.full((3, 2), float("inf"), dtype=torch.float16)}, "not all finite"),
        ({"features": torch.zeros(3, 2)}, "other names or number formats"),
        ({"ids": torch.tensor(list(b"[1, 2, 3]"), dtype=torch.uint8)}, "do not fit their features"),
        ({"ids": torch.tensor(list(b"{}"), dtype=torch.uint8)}, "do not fit their features"),
    ],
)
def test_damaged_ones_are_refused(change: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingStudies.from_tensors({**KNOWN.tensors(), **change})
