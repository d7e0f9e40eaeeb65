"""The stages fabrication and image_preparation run from their catalog and parameter files."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from coherent_cxr.images.phantom.fabrication import FabricationConfig
from coherent_cxr.images.preparation import ImagePreparationConfig
from coherent_cxr.images.store import ImageStore
from coherent_cxr.pipelines import fabrication, image_preparation
from helpers.conf import read_conf


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    entries = {
        **read_conf("fabrication/catalog.yml", tmp_path),
        **read_conf("image_preparation/catalog.yml", tmp_path),
    }
    catalog = DataCatalog.from_config(entries)
    for stage, config in (("fabrication", FabricationConfig), ("image_preparation", ImagePreparationConfig)):
        catalog[f"params:{stage}"] = config(**read_conf(f"{stage}/parameters.yml", tmp_path)[stage])
    catalog["images"] = pd.DataFrame(
        [
            ("CXR1_1", "CXR1", "frontal", "dicom"),
            ("CXR1_2", "CXR1", "lateral", "dicom"),
            ("CXR2_1", "CXR2", "unknown", "rule"),
            ("CXR3_1", "CXR3", "frontal", "rule"),
        ],
        columns=["image_id", "study_id", "view", "view_source"],
    )
    catalog["findings"] = pd.DataFrame(
        {
            "study_id": ["CXR1", "CXR2"],
            "text": ["Large left effusion.", "Clear lungs."],
            "sentences": [["Large left effusion."], ["Clear lungs."]],
        }
    )
    catalog["chexpert_labels"] = pd.DataFrame(
        {
            "study_id": ["CXR1", "CXR2"],
            "No Finding": pd.array([None, 1], dtype="Int8"),
            "Pleural Effusion": pd.array([1, None], dtype="Int8"),
        }
    )
    return catalog


def _run(pipeline: Pipeline, catalog: DataCatalog) -> None:
    SequentialRunner().run(pipeline, catalog)


def test_reports_become_phantoms_and_phantoms_a_store(catalog: DataCatalog, tmp_path: Path) -> None:
    _run(fabrication.create_pipeline(), catalog)
    manifest = catalog.load("radiographs")
    assert manifest["drawn"] is True
    assert Path(manifest["root"]).is_relative_to(tmp_path / "01_raw")
    assert len(catalog["phantom_examples"].preview()) > 1000  # type: ignore[attr-defined]

    _run(image_preparation.create_pipeline(), catalog)
    store = catalog.load("image_store")
    assert isinstance(store, ImageStore)
    assert store.index["study_id"].tolist() == ["CXR1", "CXR2"]
    assert store.pixels.shape == (2, 128, 128)
    exclusions = catalog.load("image_exclusions")
    assert dict(zip(exclusions["id"], exclusions["reason"], strict=True)) == {
        "CXR1_2": "not_drawn",
        "CXR3_1": "study_without_findings",
    }
    # The effusion is on the patient's left, the viewer's right: brighter there than in the other person.
    effusion, clear = store.pixels[0, 70:95, 90:110].mean(), store.pixels[1, 70:95, 90:110].mean()
    assert effusion > clear + 20


def test_running_again_makes_a_new_version_from_the_same_store(catalog: DataCatalog, tmp_path: Path) -> None:
    _run(fabrication.create_pipeline(), catalog)
    _run(image_preparation.create_pipeline(), catalog)
    later = DataCatalog.from_config(
        read_conf("image_preparation/catalog.yml", tmp_path), save_version="2999-01-01T00.00.00.000Z"
    )
    for name in ("images", "findings", "radiographs", "params:image_preparation"):
        later[name] = catalog.load(name)
    _run(image_preparation.create_pipeline(), later)
    stores = list((tmp_path / "05_model_input" / "image_store").glob("*/image_store/pixels.npy"))
    assert len(stores) == 2
    assert len({path.stat().st_ino for path in stores}) == 1
