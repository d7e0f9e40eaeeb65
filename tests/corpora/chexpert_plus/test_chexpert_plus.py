"""CheXpert Plus' table becomes studies and images, and every bad row an exclusion."""

from pathlib import Path

import pytest
from PIL import Image

from coherent_cxr.corpora.chexpert_plus.loader import ChexpertPlusConfig
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports
from coherent_cxr.corpora.preflight import check_reports
from coherent_cxr.images.source import open_source
from helpers.published_tables import CHEXPERT_PLUS, as_csv, chexpert_row
from helpers.settings import filled

NAME = "df_chexpert_plus_240401.csv"
FIRST = "train/patient00001/study1"
ROWS = [
    chexpert_row(f"{FIRST}/view1_frontal.jpg"),
    chexpert_row(f"{FIRST}/view2_lateral.jpg", frontal_lateral="", section_findings="Dated 2/2/2022."),
    chexpert_row(
        "train\\patient00001\\study2\\view1_frontal.jpg", section_findings="", section_impression=""
    ),
    chexpert_row("valid/patient64541/study1/view1_oblique.png", frontal_lateral="", deid_patient_id=""),
    chexpert_row("somewhere/image.jpg"),
    chexpert_row(f"{FIRST}/view1_frontal.jpg"),
    chexpert_row(""),
]


def config(root: Path | None) -> ReportParsingConfig:
    place = ChexpertPlusConfig(root=None if root is None else str(root))
    return filled(ReportParsingConfig, corpus="chexpert_plus", chexpert_plus=place)


def parse(folder: Path, data: bytes) -> ParsedCorpus:
    (folder / NAME).write_bytes(data)
    return parse_reports(config(folder))


def test_rows_become_images_or_exclusions(tmp_path: Path) -> None:
    studies, images, exclusions, _ = parse(tmp_path, as_csv(ROWS, CHEXPERT_PLUS))
    assert studies[["study_id", "patient_id"]].to_numpy().tolist() == [
        ["patient00001_study1", "patient00001"],
        ["patient00001_study2", "patient00001"],
        ["patient64541_study1", "patient64541"],
    ]
    assert studies["findings"][0] == "No effusion.\nThe heart is normal."
    assert studies["impression"][0] == "1. NORMAL CHEST."
    assert studies["indication"][0] == '61 years, "ICU patient"'
    assert studies["findings"].isna().tolist() == [False, True, False]
    assert images[["image_id", "view", "view_source"]].to_numpy().tolist() == [
        ["patient00001_study1_view1_frontal", "frontal", "table"],
        ["patient00001_study1_view2_lateral", "lateral", "table"],
        ["patient00001_study2_view1_frontal", "frontal", "table"],
        ["patient64541_study1_view1_oblique", "unknown", "none"],
    ]
    assert exclusions[["id", "reason"]].to_numpy().tolist() == [
        ["row 3", "other_text_of_study"],
        ["row 6", "unexpected_name"],
        ["patient00001_study1_view1_frontal", "duplicate_image"],
        ["row 8", "no_study_id"],
    ]


def test_images_of_equal_names_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for path in ("PNG/train/patient00001/study1", "PNG/train/patient00001/study2", "DICOM/x"):
        (tmp_path / path).mkdir(parents=True)
        Image.new("L", (20, 20)).save(tmp_path / path / "view1_frontal.png")
    assert set(open_source(tmp_path).files) == {
        "patient00001_study1_view1_frontal", "patient00001_study2_view1_frontal", "view1_frontal",
    }  # fmt: skip


def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = as_csv(ROWS, CHEXPERT_PLUS)
    with pytest.raises(CorpusError, match="no column section_impression"):
        parse(tmp_path, whole.replace(b"section_impression,", b"impression,", 1))
    with pytest.raises(CorpusError, match="not valid"):
        parse(tmp_path, whole[:700])
    (check,) = check_reports(config(None))
    assert "CHEXPERT_PLUS_ROOT" in check.detail
    (check,) = check_reports(config(tmp_path / "elsewhere"))
    assert (check.state, "get it from https://" in check.detail) == ("missing", True)
    (check,) = check_reports(config(tmp_path))
    assert check.state == "ok"
