"""Views that no table states are found in DICOM tags or learnt from those that are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from coherent_cxr.corpora.openi.loader import ParsedCorpus
from coherent_cxr.images.recognition.views import complete_views
from coherent_cxr.images.source import open_source
from helpers.dicom_files import dataset, written


def _write(folder: Path, count: int, stated: int) -> pd.DataFrame:
    """Frontals are dark on the left, laterals at the top; the first ``stated`` of each say so."""
    rows = []
    for number in range(2 * count):
        view = ("frontal", "lateral")[number % 2]
        picture = np.random.default_rng(number).integers(100, 200, (40, 40), dtype=np.uint8)
        picture[(slice(None), slice(0, 18)) if view == "frontal" else slice(0, 18)] //= 4
        Image.fromarray(picture).save(folder / f"I{number}.png")
        known = number // 2 < stated
        rows.append(
            (f"I{number}", f"S{number // 2}", view if known else "unknown", "dicom" if known else "none")
        )
    return pd.DataFrame(rows, columns=["image_id", "study_id", "view", "view_source"])


def test_open_views_are_learnt_and_the_accuracy_is_stated(tmp_path: Path) -> None:
    images = _write(tmp_path, 60, stated=40)
    (tmp_path / "I119.png").write_bytes(b"no image")
    completed, report, _ = complete_views(images, open_source(tmp_path))
    wanted = ["frontal", "lateral"] * 60
    wanted[119] = "unknown"
    assert completed["view"].tolist() == wanted
    assert completed["view_source"].tolist() == ["dicom"] * 80 + ["classifier"] * 39 + ["none"]
    assert report == {"open": 40, "from_dicom": 0, "classified": 39, "accuracy": 1.0, "learnt_from": 80}
    assert images["view"].tolist().count("unknown") == 40  # the table that came in is as it was
    again, *_ = complete_views(images, open_source(tmp_path))
    pd.testing.assert_frame_equal(again, completed)


def test_too_few_stated_views_teach_nothing(tmp_path: Path) -> None:
    images = _write(tmp_path, 20, stated=10)
    completed, report, _ = complete_views(images, open_source(tmp_path))
    pd.testing.assert_frame_equal(completed, images)
    assert report["accuracy"] is None


def test_dicom_tags_come_first(tmp_path: Path) -> None:
    pixels = np.arange(1600, dtype=np.uint16).reshape(40, 40)
    (tmp_path / "D1.dcm").write_bytes(written(dataset(pixels, ViewPosition="LL")))
    (tmp_path / "D2.dcm").write_bytes(written(dataset(pixels)))
    images = pd.DataFrame(
        {"image_id": ["D1", "D2", "D3"], "study_id": "S", "view": ["unknown", "unknown", "frontal"]}
    )
    completed, report, _ = complete_views(images, open_source(tmp_path))
    assert completed["view"].tolist() == ["lateral", "unknown", "frontal"]
    assert report["from_dicom"] == 1


@pytest.mark.slow
def test_real_views_are_found_better_than_by_the_rule(shared_folder: Path, openi: ParsedCorpus) -> None:
    source = open_source(shared_folder / "openi" / "openi_images_256.tar")
    truth = pd.read_csv(shared_folder / "openi" / "images.csv", dtype=str).set_index("image_id")["view"]
    images = openi.images[openi.images["image_id"].isin(truth.index)].iloc[:2500].reset_index(drop=True)
    right = images["image_id"].map(truth)
    completed, report, _ = complete_views(images, source)
    classified = completed["view_source"] == "classifier"
    assert classified.sum() > 1500
    assert (completed["view"] == right)[classified].mean() > 0.98
    assert (images["view"] == right)[classified].mean() < 0.95  # what the rule had guessed
    assert report["accuracy"] > 0.95
