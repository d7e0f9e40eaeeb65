from __future__ import annotations

import re
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.images.preparation import ImagePreparationConfig
from coherent_cxr.training.encoder.extra_images import ExtraImagesConfig, read_extra_images
from helpers.settings import filled

MEANING = {"Effusion": "Pleural Effusion", "Mass": "Lung Lesion", "Nodule": "Lung Lesion"}


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(seed).integers(0, 256, (80, 80), dtype=np.uint8)
    Image.fromarray(grey).save(path)


def nih_table(path: Path, findings: dict[str, str]) -> str:
    """Write the columns of NIH's own table; every image is another patient's."""
    rows = [
        {
            "Image Index": f"{name}.png",
            "Finding Labels": found,
            "Follow-up #": 0,
            "Patient ID": place,
            "Patient Age": 50,
            "Patient Gender": "M",
            "View Position": "AP" if place % 2 else "PA",
        }
        for place, (name, found) in enumerate(findings.items())
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(path)


@pytest.fixture
def preparation(tmp_path: Path) -> ImagePreparationConfig:
    return filled(ImagePreparationConfig, size=32, workers=1, work_dir=str(tmp_path / "stores"))


def nih(images: Path, table: str, meaning: dict[str, str] = MEANING, **more: str) -> ExtraImagesConfig:
    one = {"dataset": "NIH_Dataset", "images": str(images), "arguments": {"csvpath": table}, **more}
    return filled(ExtraImagesConfig, sets=[one], labels=meaning)


FINDINGS = {"a": "Effusion", "b": "Mass|Hernia", "c": "No Finding", "d": "Nodule"}


def test_labels_are_mapped_and_what_a_set_does_not_label_is_unknown(
    tmp_path: Path, preparation: ImagePreparationConfig
) -> None:
    # other endings and folders than the table has
    for seed, name in enumerate(("a.jpg", "x/b.png", "c.jpeg", "y/z/d.png")):
        picture(tmp_path / "nih" / name, seed)
    extra = read_extra_images(nih(tmp_path / "nih", nih_table(tmp_path / "t.csv", FINDINGS)), preparation)
    (source,) = extra.sources
    of_image = {
        name.rsplit("/", 1)[-1].removeprefix("NIH_Dataset:"): i for i, name in enumerate(source.study_ids)
    }
    effusion, lesion, edema = map(OBSERVATIONS.index, ("Pleural Effusion", "Lung Lesion", "Edema"))
    order = [of_image[name] for name in "abcd"]
    assert source.targets[order, effusion].tolist() == [1, 0, 0, 0]
    assert source.targets[order, lesion].tolist() == [0, 1, 0, 1]
    assert source.known[:, [effusion, lesion]].all()
    assert not source.known[:, edema].any()
    assert source.known.sum() == 8
    assert source.store.size == 32
    assert extra.exclusions.empty


def test_rows_in_are_rows_out_and_exclusions(tmp_path: Path, preparation: ImagePreparationConfig) -> None:
    picture(tmp_path / "nih" / "a.png", 1)
    picture(tmp_path / "nih" / "unknown.png", 2)
    (tmp_path / "nih" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    extra = read_extra_images(nih(tmp_path / "nih", nih_table(tmp_path / "t.csv", FINDINGS)), preparation)
    assert [len(source.rows) for source in extra.sources] == [1]
    reasons = dict(zip(extra.exclusions["id"], extra.exclusions["reason"], strict=True))
    assert reasons["unknown"] == "not_in_table"
    assert set(reasons) == {"unknown", "b"}
    assert (extra.exclusions["set"] == "NIH_Dataset").all()


def test_a_row_of_the_table_that_names_no_image_belongs_to_none(
    tmp_path: Path, preparation: ImagePreparationConfig
) -> None:
    picture(tmp_path / "nih" / "a.png", 1)
    table = Path(nih_table(tmp_path / "t.csv", FINDINGS))
    table.write_text(re.sub(r"(?m)^b\.png", "", table.read_text()))
    (source,) = read_extra_images(nih(tmp_path / "nih", str(table)), preparation).sources
    assert source.study_ids == ["NIH_Dataset:a"]


def test_images_in_an_archive_are_read(tmp_path: Path, preparation: ImagePreparationConfig) -> None:
    picture(tmp_path / "a.png", 1)
    with tarfile.open(tmp_path / "nih.tar", "w") as archive:
        archive.add(tmp_path / "a.png", "images_01/a.png")
    table = nih_table(tmp_path / "t.csv", FINDINGS)
    (source,) = read_extra_images(nih(tmp_path / "nih.tar", table), preparation).sources
    assert source.study_ids == ["NIH_Dataset:images_01/a"]


def test_files_with_the_same_name_are_told_apart_by_their_folders(
    tmp_path: Path, preparation: ImagePreparationConfig
) -> None:
    columns = [
        "Path",
        "Sex",
        "Age",
        "Frontal/Lateral",
        "AP/PA",
        "Pleural Effusion",
        "Cardiomegaly",
        "No Finding",
    ]
    values = {1: (1.0, 0.0), 2: (0.0, -1.0)}
    labels = [
        "Enlarged Cardiomediastinum", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation", "Pneumonia",
        "Atelectasis", "Pneumothorax", "Pleural Other", "Fracture", "Support Devices",
    ]  # fmt: skip
    rows = []
    for patient, (effusion, heart) in values.items():
        path = f"CheXpert-v1.0-small/train/patient0000{patient}/study1/view1_frontal.jpg"
        picture(tmp_path / "chex" / path.removeprefix("CheXpert-v1.0-small/"), patient)
        rows.append([path, "Male", 60, "Frontal", "PA", effusion, heart, np.nan, *[np.nan] * len(labels)])
    pd.DataFrame(rows, columns=[*columns, *labels]).to_csv(tmp_path / "train.csv", index=False)
    one = {
        "dataset": "CheX_Dataset",
        "images": str(tmp_path / "chex"),
        "arguments": {"csvpath": str(tmp_path / "train.csv")},
    }
    meaning = {"Effusion": "Pleural Effusion", "Cardiomegaly": "Cardiomegaly"}
    (source,) = read_extra_images(filled(ExtraImagesConfig, sets=[one], labels=meaning), preparation).sources
    effusion, heart = map(OBSERVATIONS.index, ("Pleural Effusion", "Cardiomegaly"))
    first = next(i for i, name in enumerate(source.study_ids) if "patient00001" in name)
    assert source.targets[[first, 1 - first], effusion].tolist() == [1, 0]
    assert source.known[:, effusion].all()
    assert source.known[[first, 1 - first], heart].tolist() == [True, False], "uncertain teaches nothing"


def test_a_set_without_images_configured_is_left_out(preparation: ImagePreparationConfig) -> None:
    config = filled(ExtraImagesConfig, sets=[{"dataset": "NIH_Dataset", "images": None}], labels=MEANING)
    assert read_extra_images(config, preparation).sources == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "NHI_Dataset"}, "NIH_Dataset"),
        ({"arguments": {"csvpath": "/nowhere/table.csv"}}, "cannot read its table"),
        ({"arguments": {"no_such": 1}}, "cannot read its table"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(
    tmp_path: Path, preparation: ImagePreparationConfig, change: dict[str, str], message: str
) -> None:
    picture(tmp_path / "nih" / "a.png", 1)
    config = nih(tmp_path / "nih", nih_table(tmp_path / "t.csv", FINDINGS), **change)
    with pytest.raises(ConfigurationError, match=message):
        read_extra_images(config, preparation)


def test_a_folder_of_other_images_is_refused(tmp_path: Path, preparation: ImagePreparationConfig) -> None:
    picture(tmp_path / "other" / "holiday.png", 1)
    with pytest.raises(ConfigurationError, match="Not one of 1 images"):
        read_extra_images(nih(tmp_path / "other", nih_table(tmp_path / "t.csv", FINDINGS)), preparation)


def test_labels_that_mean_nothing_or_no_observation_are_refused(
    tmp_path: Path, preparation: ImagePreparationConfig
) -> None:
    picture(tmp_path / "nih" / "a.png", 1)
    table = nih_table(tmp_path / "t.csv", FINDINGS)
    with pytest.raises(ConfigurationError, match="no meaning to any label"):
        read_extra_images(nih(tmp_path / "nih", table, {"Tumour": "Lung Lesion"}), preparation)
    with pytest.raises(ConfigurationError, match=r"extra_images\.labels\.Effusion"):
        filled(ExtraImagesConfig, labels={"Effusion": "Effusion"})
