"""Named tensors as a file: whole or not at all, and known to exist."""

from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError, Version

from coherent_cxr.datasets.tensors import TensorsDataset


def test_tensors_come_back_and_are_known_to_exist(tmp_path: Path) -> None:
    dataset = TensorsDataset(filepath=str(tmp_path / "encoder.safetensors"), version=Version(None, None))
    assert not dataset.exists()
    tensors = {"weight": torch.arange(6.0).view(2, 3), "count": torch.tensor(4)}
    dataset.save(tensors)
    assert dataset.exists()
    loaded = dataset.load()
    assert set(loaded) == set(tensors)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".safetensors"]


def test_a_file_that_is_cut_off_is_an_error_that_names_the_dataset(tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    dataset = TensorsDataset(filepath=str(path))
    dataset.save({"weight": torch.ones(100)})
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DatasetError, match="TensorsDataset"):
        dataset.load()
