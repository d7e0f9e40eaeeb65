"""Which studies there are in files, folders and tables."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from coherent_cxr.images.reading.decode import UnreadableImageError
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.serving.batch.listing import Listing, list_studies
from coherent_cxr.serving.study.study import GivenImage, GivenPrior
from helpers.dicom_files import dataset, written
from helpers.study_files import levels, write_dicom, write_png


def shown(listing: Listing, root: Path) -> dict[str | None, list[str]]:
    """Study to the paths of its images, from a folder."""
    return {
        study.study_id: [os.path.relpath(str(image.source), root) for image in study.images]
        for study in listing.studies
    }


def test_dicom_images_of_a_study_are_one_wherever_they_lie(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a" / "series1" / "1.dcm", "1.2.1", 1)
    write_dicom(tmp_path / "a" / "series2" / "no_ending", "1.2.1", 2)
    write_dicom(tmp_path / "b.dcm", "1.2.2", 3)
    write_dicom(tmp_path / "c.dcm", "1.2.1", 4)
    assert shown(list_studies([tmp_path]), tmp_path) == {
        "1.2.2": ["b.dcm"],
        "1.2.1": ["c.dcm", "a/series1/1.dcm", "a/series2/no_ending"],
    }


def test_pictures_are_studies_by_file_or_by_folder(tmp_path: Path) -> None:
    for name in ("p/s1/a.png", "p/s1/b.png", "p/s2/a.jpg", "top.png"):
        write_png(tmp_path / name)
    assert shown(list_studies([tmp_path]), tmp_path) == {
        name: [name] for name in ("top.png", "p/s1/a.png", "p/s1/b.png", "p/s2/a.jpg")
    }
    assert shown(list_studies([tmp_path], "folder"), tmp_path) == {
        tmp_path.name: ["top.png"],
        "p/s1": ["p/s1/a.png", "p/s1/b.png"],
        "p/s2": ["p/s2/a.jpg"],
    }


def test_files_of_the_same_name_are_studies_of_their_own(tmp_path: Path) -> None:
    files = [write_png(tmp_path / "a" / "1.png"), write_png(tmp_path / "b" / "1.png")]
    assert [study.study_id for study in list_studies(files).studies] == list(map(str, files))
    folders = [tmp_path / "a", tmp_path / "b"]
    assert len(list_studies(folders).studies) == len(list_studies(folders, "folder").studies) == 2
    assert [study.study_id for study in list_studies(files[:1]).studies] == ["1.png"]


def test_what_is_no_image_is_passed_over_with_a_reason_but_not_where_it_was_named(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no image")
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    report.StudyInstanceUID = "1.2.1"
    (tmp_path / "sr.dcm").write_bytes(written(report))
    write_dicom(tmp_path / "image.dcm", "1.2.1")
    listing = list_studies([tmp_path])
    assert shown(listing, tmp_path) == {"1.2.1": ["image.dcm"]}
    assert [(found.study_id, found.reason) for found in listing.refused] == [
        ("readme.txt", "not_an_image"),
        ("sr.dcm", "not_an_image"),
    ]
    assert "without an image" in listing.refused[1].message
    assert len(list_studies([tmp_path / "readme.txt"]).studies) == 1


def test_damaged_and_nameless_dicom_files_stay_studies_of_their_own(tmp_path: Path) -> None:
    write_dicom(tmp_path / "no_uid.dcm", None)
    write_dicom(tmp_path / "name.dcm", "1.2.3", StudyInstanceUID="Doe^Jane")
    whole = write_dicom(tmp_path / "cut.dcm", "1.2.1").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:200])
    (tmp_path / "cut.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty.png").touch()
    listing = list_studies([tmp_path])
    assert set(shown(listing, tmp_path)) == {"cut.png", "empty.png", "name.dcm", "no_uid.dcm"}
    assert {found.study_id for found in listing.refused} == {"cut.dcm"}


def test_long_and_deflated_headers_are_read(tmp_path: Path) -> None:
    write_dicom(tmp_path / "long.dcm", "1.2.1", ImageComments="x" * 10_000)
    made = dataset(levels(0), StudyInstanceUID="1.2.2", StudyDescription="y" * 60)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    (tmp_path / "deflated.dcm").write_bytes(written(made))
    private = dataset(levels(0))
    private.private_block(0x0009, "OURS", create=True).add_new(0x01, "OB", b"\0" * 100_000)
    private.StudyInstanceUID = "1.2.3"
    (tmp_path / "private.dcm").write_bytes(written(private))
    assert set(shown(list_studies([tmp_path]), tmp_path)) == {"1.2.1", "1.2.2", "1.2.3"}


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_says_which_images_are_a_study(tmp_path: Path, ending: str) -> None:
    rows = pd.DataFrame(
        {
            "Study_ID": ["S1", "S2", "S1", None, "S1"],
            "path": ["a.png", "sub/b.png", "c.dcm", "d.png", "a.png"],
            "view": ["PA", None, "Lateral", "oblique", "LL"],
        }
    )
    table = tmp_path / f"studies{ending}"
    if ending == ".parquet":
        rows.to_parquet(table)
    elif ending == ".jsonl":
        rows.to_json(table, orient="records", lines=True)
    else:
        rows.to_csv(table, index=False, sep="\t" if ending == ".tsv" else ",")
    listing = list_studies([table])
    assert shown(listing, tmp_path) == {"S1": ["a.png", "c.dcm"], "S2": ["sub/b.png"], "d.png": ["d.png"]}
    first = listing.studies[0].images
    assert [image.view for image in first] == ["frontal", "lateral"]
    assert listing.studies[1].images == (GivenImage(tmp_path / "sub/b.png"),)
    assert listing.refused == []


def test_rows_that_name_no_image_or_a_rounded_study_cost_only_themselves(tmp_path: Path) -> None:
    table = tmp_path / "studies.csv"
    table.write_text("study_id,path\nS1,a.png\nS2,\n5.0E+07,b.png\n,\n")
    listing = list_studies([table])
    assert shown(listing, tmp_path) == {"S1": ["a.png"]}
    assert [(found.study_id, found.reason) for found in listing.refused] == [
        ("S2", "no_path"),
        ("5.0E+07", "rounded_id"),
        ("row 5", "no_path"),
    ]
    assert "Row 3 of" in listing.refused[0].message


def test_a_table_names_the_studies_before(tmp_path: Path) -> None:
    table = tmp_path / "studies.csv"
    table.write_text(
        "study_id,path,prior_images,days_since_prior,prior_report\n"
        'S1,a.png,"old/1.png; old/2.png",30.5,Small effusion.\n'
        'S1,b.png,"old/1.png; old/2.png",30.5,Small effusion.\n'
        "S2,c.png,,,\n"
        "S3,d.png,old/3.png,soon,\n"
        "S4,e.png,,12,\n"
        "S5,f.png,old/4.png,1,\n"
        "S5,g.png,old/5.png,2,\n"
    )
    listing = list_studies([table])
    old = tuple(GivenImage(tmp_path / "old" / name) for name in ("1.png", "2.png"))
    assert [(study.study_id, study.prior) for study in listing.studies] == [
        ("S1", GivenPrior(old, 30.5, "Small effusion.")),
        ("S2", None),
    ]
    assert [(found.study_id, found.reason) for found in listing.refused] == [
        ("S3", "wrong_prior"),
        ("S4", "wrong_prior"),
        ("S5", "wrong_prior"),
    ]
    assert "days_since_prior is 'soon'" in listing.refused[0].message
    assert "prior_images names no image" in listing.refused[1].message
    assert "2 studies before it" in listing.refused[2].message


def test_a_table_without_paths_and_a_path_that_is_not_there_stop_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("study_id,report\nS1,text\n")
    with pytest.raises(TableError, match="has no column path; it has study_id, report"):
        list_studies([tmp_path / "wrong.csv"])
    with pytest.raises(UnreadableImageError, match="no image file"):
        list_studies([tmp_path / "absent"])
    os.mkfifo(tmp_path / "pipe")
    assert len(list_studies([tmp_path / "pipe"]).studies) == 1  # nobody waits for it
