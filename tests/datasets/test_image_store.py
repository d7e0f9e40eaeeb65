"""Image stores are versioned by Kedro without copying them, and previewed as a picture."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError, Version
from PIL import Image

from coherent_cxr.datasets.image_store import ImageStoreDataset
from coherent_cxr.images.building import build_store
from coherent_cxr.images.source import open_source
from coherent_cxr.images.store import ImageStore


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    folder = tmp_path / "png"
    folder.mkdir()
    for number in range(3):
        halves = np.zeros((40, 40), dtype=np.uint8)
        halves[:, : 10 * number + 10] = 255
        Image.fromarray(halves).save(folder / f"I{number}.png")
    images = pd.DataFrame({"image_id": ["I0", "I1", "I2"], "study_id": ["S0", "S1", "S1"], "view": "frontal"})
    return build_store(images, open_source(folder), 32, tmp_path / "work")[0]


def _catalog(tmp_path: Path, **versions: object) -> DataCatalog:
    entry = {
        "type": "coherent_cxr.datasets.image_store.ImageStoreDataset",
        "filepath": str(tmp_path / "data" / "image_store"),
        "versioned": True,
    }
    return DataCatalog.from_config({"image_store": entry}, **versions)


def test_versions_share_one_copy_and_the_latest_is_loaded(tmp_path: Path, store: ImageStore) -> None:
    assert not _catalog(tmp_path).exists("image_store")
    for version in ("2026-01-01T00.00.00.000Z", "2026-02-01T00.00.00.000Z"):
        _catalog(tmp_path, save_version=version).save("image_store", store)
    catalog = _catalog(tmp_path)
    assert catalog.exists("image_store")
    loaded = catalog.load("image_store")
    assert loaded.digest == store.digest
    assert "2026-02-01T00.00.00.000Z" in str(loaded.folder)
    np.testing.assert_array_equal(loaded.pixels, store.pixels)
    pd.testing.assert_frame_equal(loaded.index, store.index)
    # One file under three names: the work folder's and two versions'.
    assert (loaded.folder / "pixels.npy").stat().st_nlink == 3
    older = _catalog(tmp_path, load_versions={"image_store": "2026-01-01T00.00.00.000Z"}).load("image_store")
    assert "2026-01-01T00.00.00.000Z" in str(older.folder)


def test_a_half_written_version_does_not_exist(tmp_path: Path, store: ImageStore) -> None:
    half = tmp_path / "data" / "image_store" / "2026-03-01T00.00.00.000Z" / "image_store.writing"
    half.mkdir(parents=True)
    (half / "pixels.npy").write_bytes(b"half")
    assert not _catalog(tmp_path).exists("image_store")
    _catalog(tmp_path, save_version="2026-03-01T00.00.00.000Z").save("image_store", store)
    assert _catalog(tmp_path).load("image_store").digest == store.digest


def test_a_version_is_never_overwritten(tmp_path: Path, store: ImageStore) -> None:
    version = "2026-01-01T00.00.00.000Z"
    _catalog(tmp_path, save_version=version).save("image_store", store)
    with pytest.raises(DatasetError, match="must not exist"):
        _catalog(tmp_path, save_version=version).save("image_store", store)


def test_without_versions_a_store_replaces_the_last(tmp_path: Path, store: ImageStore) -> None:
    dataset = ImageStoreDataset(filepath=str(tmp_path / "data" / "image_store"))
    assert not dataset.exists()
    dataset.save(store)
    dataset.save(store)
    assert dataset.exists()
    assert dataset.load().digest == store.digest


def test_preview_is_a_picture_that_kedro_viz_shows(tmp_path: Path, store: ImageStore) -> None:
    from kedro_viz.models.flowchart.node_metadata import DataNodeMetadata
    from kedro_viz.models.flowchart.nodes import GraphNode

    dataset = ImageStoreDataset(
        filepath=str(tmp_path / "data" / "image_store"),
        version=Version(None, None),
        metadata={
            "kedro-viz": {"layer": "model_input", "preview_args": {"columns": 2, "rows": 2, "size": 20}}
        },
    )
    dataset.save(store)
    node = GraphNode.create_data_node(
        dataset_id="image_store",
        dataset_name="image_store",
        layer="model_input",
        tags=set(),
        dataset=dataset,
        modular_pipelines=set(),
    )
    shown = DataNodeMetadata(data_node=node)
    assert shown.preview_type == "ImagePreview"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(str(shown.preview)))))
    assert picture.shape == (40, 40)
    assert np.flatnonzero(picture[5] > 127).tolist() == [*range(5), *range(20, 30)]
    assert (picture[25, :20] > 127).sum() == 15
