"""Every image that comes in is stored or excluded with a reason."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from helpers.image_corpus import write_folder
from helpers.settings import filled


def _config(tmp_path: Path, **values: object) -> ImagePreparationConfig:
    return filled(ImagePreparationConfig, **{"size": 32, "work_dir": str(tmp_path / "work"), **values})


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[pd.DataFrame, RadiographsManifest]:
    """Five studies of a frontal and a lateral image; the frontal one of CXR3 is damaged."""
    images = write_folder(tmp_path / "png", 10, damaged=(6,))
    return images, RadiographsManifest(str(tmp_path / "png"), False, "a licence")


def _reasons(exclusions: pd.DataFrame) -> dict[str, str]:
    return dict(zip(exclusions["id"], exclusions["reason"], strict=True))


def test_counts_in_are_counts_out_plus_exclusions(
    tmp_path: Path, corpus: tuple[pd.DataFrame, RadiographsManifest]
) -> None:
    images, manifest = corpus
    (tmp_path / "png" / "CXR2_0.png").unlink()
    studies = ["CXR0", "CXR1", "CXR2", "CXR3", "CXR77"]
    store, exclusions, *_ = prepare_images(_config(tmp_path), images, studies, manifest)
    assert store.index["image_id"].tolist() == ["CXR0_0", "CXR1_0"]
    assert exclusions.columns.tolist() == ["id", "reason", "detail"]
    assert _reasons(exclusions) == {
        "CXR0_1": "view_not_selected",
        "CXR1_1": "view_not_selected",
        "CXR2_0": "missing_image",
        "CXR2_1": "view_not_selected",
        "CXR3_0": "truncated_image",
        "CXR3_1": "view_not_selected",
        "CXR4_0": "study_without_findings",
        "CXR4_1": "study_without_findings",
        "CXR2": "study_without_image",
        "CXR3": "study_without_image",
        "CXR77": "study_without_image",
    }
    assert exclusions["detail"].str.endswith(".").all()


def test_the_limit_prefers_frontal_images(
    tmp_path: Path, corpus: tuple[pd.DataFrame, RadiographsManifest]
) -> None:
    images, manifest = corpus
    images = images.iloc[[1, 0, 3, 2, 9]]  # lateral first; of CXR4 only the lateral
    for stray in ("CXR2_0", "CXR2_1", "CXR3_0", "CXR3_1", "CXR4_0"):
        (tmp_path / "png" / f"{stray}.png").unlink()
    views = ["frontal", "lateral", "unknown"]
    config = _config(tmp_path, views=views, max_images_per_study=1)
    store, exclusions, *_ = prepare_images(config, images, ["CXR0", "CXR1", "CXR4"], manifest)
    assert store.index["image_id"].tolist() == ["CXR0_0", "CXR1_0", "CXR4_1"]
    assert _reasons(exclusions) == {"CXR0_1": "beyond_image_limit", "CXR1_1": "beyond_image_limit"}


def test_a_file_that_no_report_names_is_an_exclusion(
    tmp_path: Path, corpus: tuple[pd.DataFrame, RadiographsManifest]
) -> None:
    images, manifest = corpus
    store, exclusions, *_ = prepare_images(_config(tmp_path), images.iloc[:9], ["CXR0"], manifest)
    assert len(store) == 1
    assert _reasons(exclusions)["CXR4_1"] == "image_in_no_study"


def test_an_image_listed_twice_is_stored_once(
    tmp_path: Path, corpus: tuple[pd.DataFrame, RadiographsManifest]
) -> None:
    images, manifest = corpus
    twice = pd.concat([images.head(2), images.head(1)], ignore_index=True)
    store, exclusions, *_ = prepare_images(_config(tmp_path), twice, ["CXR0"], manifest)
    assert len(store) == 1
    assert exclusions["reason"].tolist()[:2] == ["view_not_selected", "duplicate_image"]


def test_drawn_images_are_frontal_whatever_the_table_says(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 4).assign(view="lateral")
    (tmp_path / "png" / "CXR0_1.png").unlink()
    manifest = RadiographsManifest(str(tmp_path / "png"), True, "drawn")
    store, exclusions, *_ = prepare_images(_config(tmp_path), images, ["CXR0", "CXR1"], manifest)
    assert store.index["view"].tolist() == ["frontal"] * 3
    assert _reasons(exclusions) == {"CXR0_1": "not_drawn"}


def test_same_images_twice_give_the_same_bytes(
    tmp_path: Path, corpus: tuple[pd.DataFrame, RadiographsManifest]
) -> None:
    images, manifest = corpus
    stores = [
        prepare_images(_config(tmp_path / name), images, ["CXR0", "CXR1"], manifest)[0] for name in ("a", "b")
    ]
    np.testing.assert_array_equal(stores[0].pixels, stores[1].pixels)
    assert stores[0].digest == stores[1].digest


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 8}, "image_preparation.size"),
        ({"views": []}, "image_preparation.views"),
        ({"views": ["oblique"]}, "oblique"),
        ({"max_images_per_study": 0}, "image_preparation.max_images_per_study"),
        ({"workers": 0}, "image_preparation.workers"),
        ({"sise": 128}, "Did you mean 'size'"),
    ],
)
def test_impossible_settings_stop_before_any_work(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        filled(ImagePreparationConfig, **values)


def test_of_a_file_that_is_too_large_nothing_is_read(
    tmp_path: Path, corpus: tuple[pd.DataFrame, RadiographsManifest]
) -> None:
    images, manifest = corpus
    with (tmp_path / "png" / "CXR0_0.png").open("r+b") as file:
        file.truncate(3 << 30)  # mostly holes on the disk
    store, exclusions, *_ = prepare_images(_config(tmp_path), images, ["CXR0", "CXR1"], manifest)
    assert store.index["image_id"].tolist() == ["CXR1_0"]
    assert _reasons(exclusions)["CXR0_0"] == "file_too_large"


def test_files_numbered_as_by_r2gen_go_to_frontal_images_first(tmp_path: Path) -> None:
    write_folder(tmp_path / "png", 4)
    for stem, name in (("CXR0_0", "CXR0_IM-1/0"), ("CXR0_1", "CXR0_IM-1/1"), ("CXR1_0", "CXR1_IM-2/0")):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "png" / f"{stem}.png").rename(tmp_path / "tree" / f"{name}.png")
    rows = [("CXR0_IM-1-1001", "CXR0", "lateral"), ("CXR0_IM-1-2001", "CXR0", "frontal")]
    rows.append(("CXR1_IM-2-1001", "CXR1", "frontal"))
    images = pd.DataFrame(rows, columns=["image_id", "study_id", "view"]).assign(view_source="dicom")
    manifest = RadiographsManifest(str(tmp_path / "tree"), False, "a licence")
    store, exclusions, *_ = prepare_images(_config(tmp_path), images, ["CXR0", "CXR1"], manifest)
    assert store.index["image_id"].tolist() == ["CXR0_IM-1-2001", "CXR1_IM-2-1001"]
    assert _reasons(exclusions) == {"CXR0_IM-1-1001": "view_not_selected"}
