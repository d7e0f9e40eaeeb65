"""Kaggle's layout of Open-I becomes the same tables, and every bad row an exclusion."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from coherent_cxr.corpora.openi.kaggle import PROJECTIONS, REPORTS
from coherent_cxr.corpora.openi.loader import CorpusError
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from helpers.settings import filled

REPORT_ROWS = """uid,MeSH,Problems,image,indication,comparison,findings,impression
1,normal,normal,Xray Chest PA and Lateral,Cough,None.,"The heart is normal.
 Lungs are clear.",Normal chest.
2,x,x,x,,," ",Only an impression.
2,x,x,x,,,Again.,
,x,x,x,,,No number.,
"""
PROJECTION_ROWS = """uid,filename,projection
1,1_IM-0001-4001.dcm.png,Frontal
1,1_IM-0001-3001.dcm.png,Lateral
2,2_IM-0652-1001.dcm.png,Oblique
77,77_IM-1.dcm.png,Frontal
2,,Frontal
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / REPORTS).write_text(REPORT_ROWS)
    (tmp_path / PROJECTIONS).write_text(PROJECTION_ROWS)
    return tmp_path


def _parse(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return parse_reports(filled(ReportParsingConfig, corpus="openi_kaggle", reports=str(folder)))[:3]


def test_rows_become_studies_images_or_exclusions(folder: Path) -> None:
    studies, images, exclusions = _parse(folder)
    assert studies["study_id"].tolist() == ["CXR1", "CXR2"]
    assert studies["findings"].tolist()[0] == "The heart is normal.\nLungs are clear."
    assert studies["findings"].isna().tolist() == [False, True]
    assert images.to_numpy().tolist() == [
        ["1_IM-0001-4001", "CXR1", "frontal", "projection"],
        ["1_IM-0001-3001", "CXR1", "lateral", "projection"],
        ["2_IM-0652-1001", "CXR2", "unknown", "projection"],
    ]
    assert exclusions[["id", "reason"]].to_numpy().tolist() == [
        ["row 5", "no_study_id"],
        ["CXR2", "duplicate_study"],
        ["row 6", "no_image_name"],
        ["77_IM-1", "image_in_no_study"],
    ]


def test_its_images_are_found_by_these_ids(folder: Path) -> None:
    studies, images, _ = _parse(folder)
    pictures = folder / "images_normalized"
    pictures.mkdir()
    Image.linear_gradient("L").save(pictures / "1_IM-0001-4001.dcm.png")
    config = filled(ImagePreparationConfig, size=32, work_dir=str(folder / "work"))
    manifest = RadiographsManifest(str(pictures), False, "a licence")
    store, *_ = prepare_images(config, images, studies["study_id"], manifest)
    assert store.index["image_id"].tolist() == ["1_IM-0001-4001"]


def test_missing_tables_and_columns_are_sentences(folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"Set report_parsing\.reports"):
        parse_reports(filled(ReportParsingConfig, corpus="openi_kaggle"))
    (folder / REPORTS).write_text("uid,findings\n1,x\n")
    with pytest.raises(CorpusError, match="no column comparison and indication and impression; it has uid"):
        _parse(folder)
    (folder / REPORTS).write_text("")
    with pytest.raises(CorpusError, match=r"is empty\. Correct report_parsing\.reports"):
        _parse(folder)
    (folder / REPORTS).unlink()
    with pytest.raises(CorpusError, match=r"Correct report_parsing\.reports"):
        _parse(folder)


def test_terms_are_taken_apart(folder: Path) -> None:
    (folder / REPORTS).write_text(
        "uid,MeSH,indication,comparison,findings,impression\n"
        "1,Cardiomegaly/mild;Opacity/lung/base/left; normal ;Cardiomegaly/mild,,,Big heart.,\n"
        "2.0,,,None.,N/A,none\n"
    )
    config = filled(ReportParsingConfig, corpus="openi_kaggle", reports=str(folder))
    assert parse_reports(config).mesh_terms.to_numpy().tolist() == [
        ["CXR1", "Cardiomegaly/mild", "Cardiomegaly", "mild"],
        ["CXR1", "Opacity/lung/base/left", "Opacity", "lung/base/left"],
        ["CXR1", "normal", "normal", ""],
    ]


def test_findings_that_say_nothing_are_missing_and_a_comparison_is_kept(folder: Path) -> None:
    (folder / REPORTS).write_text(
        "uid,indication,comparison,findings,impression\n1.0,Cough,None.,N/A,none\n2.0,,,Clear.,Well.\n"
    )
    studies = _parse(folder)[0]
    assert studies["study_id"].tolist() == ["CXR1", "CXR2"]
    assert studies["comparison"].tolist()[0] == "None."
    assert studies["findings"].isna().tolist() == [True, False]
    assert studies["impression"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    "content",
    [
        b"uid,indication,comparison,findings,impression\n1,a,b,c,d,e\n",
        b"uid,indication,comparison,findings,impression\n1,a,b\n",
        b'uid,indication,comparison,findings,impression\n1,a,b,"c,d\n',
        b"\x1f\x8b\x08 not gzip",
        b"PAR1 not parquet PAR1",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"[" * 1_000_000,
        b'[{"uid": "\\ud800", "findings": ["x"]}]',
        b"uid;uid\n1;2\n",
    ],
)
def test_hostile_tables_are_one_sentence(folder: Path, content: bytes) -> None:
    (folder / REPORTS).write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        _parse(folder)
    assert str(folder / REPORTS) in str(caught.value)
    assert len(str(caught.value)) < 700


def test_other_delimiters_and_encodings(folder: Path) -> None:
    table = "uid;indication;comparison;findings;impression\n1;;;The caf\u00e9 sign, seen.;Well.\n"
    for encoding in ("cp1252", "utf-8-sig", "utf-16"):
        (folder / REPORTS).write_bytes(table.encode(encoding))
        assert _parse(folder)[0]["findings"].tolist() == ["The caf\u00e9 sign, seen."]
