"""Model bundles are versioned whole or not at all, and cost nothing until one is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.io import DataCatalog, DatasetError

from coherent_cxr.datasets.model_bundle import ModelBundleDataset
from coherent_cxr.storage.whole import beside
from helpers.tiny_bundle import make_bundle

JANUARY, FEBRUARY = "2026-01-01T00.00.00.000Z", "2026-02-01T00.00.00.000Z"


def _catalog(tmp_path: Path, **versions: object) -> DataCatalog:
    entry = {
        "type": "coherent_cxr.datasets.model_bundle.ModelBundleDataset",
        "filepath": str(tmp_path / "data" / "{system}_model"),
        "versioned": True,
    }
    return DataCatalog.from_config({"{system}.model": entry}, **versions)


def test_the_latest_version_is_loaded_and_an_older_one_by_name(tmp_path: Path):
    assert not _catalog(tmp_path).exists("full.model")
    first, second = make_bundle(seed=1), make_bundle(seed=2)
    _catalog(tmp_path, save_version=JANUARY).save("full.model", first)
    _catalog(tmp_path, save_version=FEBRUARY).save("full.model", second)
    assert _catalog(tmp_path).exists("full.model")
    assert _catalog(tmp_path).load("full.model").digest == second.digest
    older = _catalog(tmp_path, load_versions={"full.model": JANUARY}).load("full.model")
    assert older.digest == first.digest
    assert older.metadata == first.metadata


def test_a_half_written_version_does_not_exist_and_is_written_again(tmp_path: Path):
    writer = subprocess.Popen(["true"])
    writer.wait()
    folder = tmp_path / "data" / "full_model" / JANUARY
    half = folder / beside(folder / "full_model").name.replace(f"-{os.getpid()}-", f"-{writer.pid}-")
    half.mkdir(parents=True)
    (half / "config.json").write_text("{}")
    assert not _catalog(tmp_path).exists("full.model")
    bundle = make_bundle()
    _catalog(tmp_path, save_version=JANUARY).save("full.model", bundle)
    assert _catalog(tmp_path).load("full.model").digest == bundle.digest
    assert not half.exists()


def test_a_save_that_fails_leaves_the_last_version_in_place(tmp_path: Path):
    good = make_bundle(seed=1)
    _catalog(tmp_path, save_version=JANUARY).save("full.model", good)
    broken = make_bundle(seed=2)
    broken.metadata["training"] = object()  # no JSON
    with pytest.raises(DatasetError):
        _catalog(tmp_path, save_version=FEBRUARY).save("full.model", broken)
    assert _catalog(tmp_path).load("full.model").digest == good.digest


def test_a_version_is_never_overwritten(tmp_path: Path):
    _catalog(tmp_path, save_version=JANUARY).save("full.model", make_bundle())
    with pytest.raises(DatasetError, match="must not exist"):
        _catalog(tmp_path, save_version=JANUARY).save("full.model", make_bundle())


def test_without_versions_a_model_replaces_the_last(tmp_path: Path):
    dataset = ModelBundleDataset(filepath=str(tmp_path / "model"))
    assert not dataset.exists()
    for seed in (1, 2):
        dataset.save(make_bundle(seed))
    assert dataset.load().digest == make_bundle(2).digest


def test_opening_a_catalog_does_not_import_torch(tmp_path: Path):
    script = (
        "import sys; from coherent_cxr.datasets.model_bundle import ModelBundleDataset; "
        f"assert not ModelBundleDataset(filepath={str(tmp_path / 'model')!r}).exists(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
