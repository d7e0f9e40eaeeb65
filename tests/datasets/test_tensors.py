from __future__ import annotations

from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError, Version

from coherent_cxr.datasets.tensors import TensorsDataset


def test_tensors_come_back_the_same(tmp_path: Path):
    dataset = TensorsDataset(filepath=str(tmp_path / "weights.safetensors"))
    assert not dataset.exists()
    tensors = {"a": torch.randn(3, 2).t(), "b": torch.tensor([1, 2])}
    dataset.save(tensors)
    assert dataset.exists()
    loaded = dataset.load()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    assert [p.name for p in tmp_path.iterdir()] == ["weights.safetensors"]


def test_versions_stand_side_by_side_and_the_newest_is_read(tmp_path: Path):
    path = str(tmp_path / "weights.safetensors")
    for version, value in (("2026-01-01T00.00.00.000Z", 1.0), ("2026-01-02T00.00.00.000Z", 2.0)):
        TensorsDataset(filepath=path, version=Version(None, version)).save({"a": torch.tensor([value])})
    assert TensorsDataset(filepath=path, version=Version(None, None)).load()["a"].item() == 2.0


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"absent\.safetensors"):
        TensorsDataset(filepath=str(tmp_path / "absent.safetensors")).load()
