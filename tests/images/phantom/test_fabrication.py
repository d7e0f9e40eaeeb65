"""Phantoms are drawn once per study; a corpus of one's own is only named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.phantom.fabrication import FabricationConfig, provide_radiographs
from coherent_cxr.images.preparation import RadiographsManifest
from coherent_cxr.images.sheets import covering_examples, example_sheet, montage
from coherent_cxr.images.source import ImageSourceError
from helpers.image_corpus import write_folder, write_tar
from helpers.settings import filled

IMAGES = pd.DataFrame(
    [
        ("CXR1_a", "CXR1", "lateral"),
        ("CXR1_b", "CXR1", "frontal"),
        ("CXR1_c", "CXR1", "frontal"),
        ("CXR2_a", "CXR2", "lateral"),
        ("CXR2_b", "CXR2", "unknown"),
        ("CXR3_a", "CXR3", "frontal"),
    ],
    columns=["image_id", "study_id", "view"],
)
FINDINGS = pd.DataFrame(
    {
        "study_id": ["CXR1", "CXR2", "CXR9"],
        "sentences": [["Large heart."], ["Left pneumothorax."], ["Clear."]],
    }
)
LABELS = pd.DataFrame(
    {
        "study_id": ["CXR1", "CXR2", "CXR9"],
        "No Finding": pd.array([None, None, 1], dtype="Int8"),
        "Cardiomegaly": pd.array([1, 0, None], dtype="Int8"),
        "Pneumothorax": pd.array([None, 1, 0], dtype="Int8"),
    }
)


def _provide(tmp_path: Path, **values: object) -> dict[str, object]:
    config = filled(
        FabricationConfig, **{"phantom_folder": str(tmp_path / "ph"), "size": 64, "workers": 1, **values}
    )
    return provide_radiographs(config, IMAGES, FINDINGS, LABELS)


def test_one_phantom_per_study_with_findings_and_image(tmp_path: Path) -> None:
    manifest = _provide(tmp_path)
    root = Path(str(manifest["root"]))
    assert manifest["drawn"] is True
    assert manifest["images"] == 2
    assert "not radiographs" in str(manifest["notice"])
    assert sorted(path.name for path in root.iterdir()) == ["CXR1_b.png", "CXR2_a.png"]
    with Image.open(root / "CXR2_a.png") as image:
        assert "not radiographs" in image.info["Description"]
        drawn = np.asarray(image)
    expected = draw_phantom(
        "CXR2_a", {"Cardiomegaly": 0, "Pneumothorax": 1}, ("Left pneumothorax.",), size=64
    )
    np.testing.assert_array_equal(drawn, expected)


def test_what_is_drawn_is_not_drawn_again(tmp_path: Path) -> None:
    root = Path(str(_provide(tmp_path)["root"]))
    (root / "CXR1_b.png").unlink()
    kept = (root / "CXR2_a.png").stat().st_mtime_ns
    assert str(root) == _provide(tmp_path)["root"]
    assert (root / "CXR1_b.png").is_file()
    assert (root / "CXR2_a.png").stat().st_mtime_ns == kept


def test_other_settings_are_drawn_elsewhere(tmp_path: Path) -> None:
    assert len({_provide(tmp_path, **values)["root"] for values in ({}, {"seed": 1}, {"size": 80})}) == 3


@pytest.mark.slow
def test_many_phantoms_drawn_by_several_processes_are_the_same(tmp_path: Path) -> None:
    count = 220
    images = pd.DataFrame(
        {
            "image_id": [f"I{n}" for n in range(count)],
            "study_id": [f"S{n}" for n in range(count)],
            "view": "frontal",
        }
    )
    findings = pd.DataFrame({"study_id": images["study_id"], "sentences": [["Clear lungs."]] * count})
    labels = pd.DataFrame({"study_id": images["study_id"], "Edema": pd.array([1] * count, dtype="Int8")})
    folders = []
    for workers in (1, 2):
        config = filled(
            FabricationConfig, phantom_folder=str(tmp_path / str(workers)), size=48, workers=workers
        )
        folders.append(Path(provide_radiographs(config, images, findings, labels)["root"]))
    names = sorted(path.name for path in folders[0].iterdir())
    assert len(names) == count
    assert names == sorted(path.name for path in folders[1].iterdir())
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in names)


def test_own_images_are_named_and_nothing_is_drawn(tmp_path: Path) -> None:
    write_folder(tmp_path / "png", 5)
    for root in (tmp_path / "png", write_tar(tmp_path / "png", tmp_path / "a.tar")):
        manifest = _provide(tmp_path, images_root=str(root), notice="CC BY 4.0, someone")
        told = {"root": str(root), "drawn": False, "notice": "CC BY 4.0, someone", "by_path": False}
        assert manifest == {**told, "images": 5}
    assert not (tmp_path / "ph").exists()


def test_a_wrong_place_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(ImageSourceError, match="images_root"):
        _provide(tmp_path, images_root=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"fabrication\.size"):
        filled(FabricationConfig, size=7)


def test_examples_cover_the_labels_as_purely_as_possible() -> None:
    labels = pd.DataFrame(
        {
            "study_id": ["a", "b", "c", "d"],
            "No Finding": pd.array([None, None, None, 1], dtype="Int8"),
            "Edema": pd.array([1, 1, -1, None], dtype="Int8"),
            "Fracture": pd.array([1, None, 1, 0], dtype="Int8"),
        }
    )
    assert covering_examples(labels, 14) == {"d": "No Finding", "b": "Edema", "a": "Edema,\nFracture"}
    assert list(covering_examples(labels, 2)) == ["d", "b"]


def test_the_sheet_says_that_images_are_drawn(tmp_path: Path) -> None:
    manifest = RadiographsManifest.from_dict(_provide(tmp_path))
    figure = example_sheet(manifest, IMAGES, LABELS)
    assert figure.get_suptitle().startswith("Synthetic images, not radiographs")
    titles = [axis.get_title() for axis in figure.axes if axis.images]
    assert titles == ["Cardiomegaly", "Pneumothorax"]


def test_montage_lays_pictures_out_in_rows() -> None:
    sheet = np.asarray(montage([np.full((8, 8), level, dtype=np.uint8) for level in (10, 20, 30)], 2, 4))
    assert sheet.shape == (8, 8)
    assert [sheet[0, 0], sheet[0, 4], sheet[4, 0], sheet[4, 4]] == [10, 20, 30, 0]
