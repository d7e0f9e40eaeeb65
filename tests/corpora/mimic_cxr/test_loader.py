"""MIMIC-CXR's published files, fabricated, become tables; every bad one a row or a sentence."""

import gzip
import logging
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.corpora.mimic_cxr.fabrication import (
    FabricatedStudy,
)
from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig, parse_mimic_cxr, read_labels, view_of
from coherent_cxr.corpora.openi.loader import CorpusError
from helpers.mimic_publication import parse


def _rewrite(folder: Path, changes: dict[str, bytes | None], doubled: str | None = None) -> None:
    """Replace, add or (None) remove members of the archive of reports."""
    path = folder / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, **changes}.items():
            if data is not None:
                archive.writestr(name, data)
        if doubled:
            archive.writestr(doubled.replace("files/", "again/files/"), members[doubled])


def test_every_report_and_image_is_found_again(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    studies, images, exclusions = parse(folder)
    assert exclusions.empty
    assert studies["study_id"].tolist() == [study.study_id for study in invented]
    assert studies["patient_id"].tolist() == [study.patient_id for study in invented]
    for row, study in zip(studies.itertuples(), invented, strict=True):
        found = " ".join(row.findings.split()) if isinstance(row.findings, str) else ""
        assert found == " ".join(study.findings), study.layout
        source = {"combined": "findings_and_impression", "unheaded": "body", "impression_only": None}
        expected = source.get(study.layout, "findings")
        assert row.findings_source == expected or (expected is None and pd.isna(row.findings_source))
    assert "Preliminary" not in " ".join(studies["findings"].dropna())
    assert studies["addendum"].dropna().unique().tolist() == ["Later words that belong to no section."]
    assert len(images) == sum(len(study.views) for study in invented)
    assert images["image_id"].tolist() == [i for study in invented for i in study.image_ids()]
    assert set(images["view"]) == {"frontal", "lateral"}
    assert set(images["view_source"]) == {"metadata"}


def test_bad_members_are_exclusions(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    names = [f"{study.folder}.txt" for study in invented]
    _rewrite(
        folder,
        {
            names[0]: b"  \n",
            names[1]: "FINDINGS: Klar.".encode("utf-16"),
            names[2]: None,
            names[3]: b"FINDINGS: caf\xe9 and heart normal.",
            "../../etc/cron.d/evil.txt": b"x",
            "files/p19/p19999999/s59999999.txt": b"FINDINGS: Someone else's.",
            "files/p10/p10000000/s59999998.txt": b"A" * 1_000_001,
            "README.txt": b"x",
        },
        doubled=names[4],
    )
    studies, _, exclusions = parse(folder)
    reasons = dict(zip(exclusions["id"], exclusions["reason"], strict=True))
    assert reasons == {
        names[0]: "empty_file",
        names[1]: "wrong_encoding",
        invented[2].study_id: "missing_report",
        names[4].replace("files/", "again/files/"): "duplicate_study",
        "../../etc/cron.d/evil.txt": "unexpected_name",
        "files/p19/p19999999/s59999999.txt": "not_in_study_list",
        "files/p10/p10000000/s59999998.txt": "file_too_large",
        "README.txt": "unexpected_name",
    }
    assert len(studies) + 3 == len(invented)
    assert studies.set_index("study_id").loc[invented[3].study_id, "findings"] == "café and heart normal."
    assert not list(folder.parent.rglob("evil.txt"))


def test_a_damaged_member_costs_one_report(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    path = folder / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path) as archive:
        start = archive.infolist()[5].header_offset + 30 + len(archive.infolist()[5].filename) + 20
    data = bytearray(path.read_bytes())
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    studies, _, exclusions = parse(folder)
    assert exclusions[["id", "reason"]].to_numpy().tolist() == [
        [f"{invented[5].folder}.txt", "damaged_member"]
    ]
    assert len(studies) == len(invented) - 1


def test_images_in_no_study_and_twice(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, _ = publication
    path = folder / "cxr-record-list.csv.gz"
    records = pd.read_csv(path, dtype=str)
    stray = records.head(1).assign(study_id="59999999", dicom_id="stray")
    pd.concat([records, stray, records.head(1)]).to_csv(path, index=False)
    _, images, exclusions = parse(folder)
    assert len(images) == len(records)
    assert exclusions["reason"].tolist() == ["duplicate_image", "image_in_no_study"]


def test_a_row_that_repeats_a_study_is_an_exclusion(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    path = folder / "cxr-study-list.csv.gz"
    listed = pd.read_csv(path, dtype=str)
    other_patient = listed.iloc[[2]].assign(subject_id="19999999")
    pd.concat([listed, listed.iloc[[0]], other_patient]).to_csv(path, index=False)
    studies, _, exclusions = parse(folder)
    rows = [f"row {len(listed) + 2}", f"row {len(listed) + 3}"]
    assert exclusions[["id", "reason"]].to_numpy().tolist() == [[row, "duplicate_row"] for row in rows]
    assert invented[2].study_id in exclusions["detail"].iloc[1]
    assert studies.set_index("study_id").loc[invented[2].study_id, "patient_id"] == invented[2].patient_id


@pytest.mark.parametrize("name", ["mimic-cxr-reports.zip", "cxr-study-list.csv.gz", "cxr-record-list.csv.gz"])
def test_missing_and_damaged_files_are_sentences(
    publication: tuple[Path, list[FabricatedStudy]], name: str
) -> None:
    folder, _ = publication
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(CorpusError, match="is damaged"):
        parse(folder)
    (folder / name).unlink()
    with pytest.raises(
        CorpusError, match=r"is in none of .* get it from https://physionet\.org/content/mimic-cxr/"
    ):
        parse(folder)


def test_missing_columns_and_places_are_sentences(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, _ = publication
    (folder / "cxr-study-list.csv.gz").write_bytes(gzip.compress(b"subject_id,path\n1,x\n"))
    with pytest.raises(CorpusError, match="has no column study_id; it has subject_id, path"):
        parse(folder)
    with pytest.raises(CorpusError, match="There is no folder"):
        parse(folder / "nowhere")
    with pytest.raises(CorpusError, match=r"set report_parsing\.mimic_cxr\.root"):
        parse_mimic_cxr(MimicCxrConfig())


def test_without_metadata_views_are_unknown(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, _ = publication
    (folder / "mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    _, images, _ = parse(folder)
    assert set(images["view"]) == {"unknown"}


@pytest.mark.parametrize(
    ("position", "view"),
    [
        ("PA", "frontal"),
        ("AP AXIAL", "frontal"),
        ("LL", "lateral"),
        ("LATERAL", "lateral"),
        ("LAO", "unknown"),
        (np.nan, "unknown"),
    ],
)
def test_view_positions(position: str | float, view: str) -> None:
    assert view_of(position) == view


def test_tables_that_went_through_a_spreadsheet(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, _ = publication
    before = parse(folder)
    for name in ("cxr-study-list", "cxr-record-list"):
        table = pd.read_csv(folder / f"{name}.csv.gz")
        (folder / f"{name}.csv.gz").unlink()
        table["study_id"] = [
            f"{study}.0" if name == "cxr-study-list" else f" s{study} " for study in table["study_id"]
        ]
        table.to_csv(folder / f"{name}.csv", index=False, sep=";")
    for whole, read in zip(before, parse(folder), strict=True):
        pd.testing.assert_frame_equal(whole, read)


def test_rows_without_ids(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    for name, row in (("cxr-study-list", ",,x\n"), ("cxr-record-list", "1,2,,x\n")):
        data = gzip.decompress((folder / f"{name}.csv.gz").read_bytes())
        if name == "cxr-study-list":
            lines = data.decode().splitlines(keepends=True)
            lines[1] = f",{lines[1].split(',', 1)[1]}"
            data = "".join(lines).encode()
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(data + row.encode()))
    studies, _, exclusions = parse(folder)
    assert studies["patient_id"].tolist()[:2] == [invented[0].study_id, invented[1].patient_id]
    assert exclusions["reason"].tolist() == ["no_study_id", "no_image_name"]


def test_a_row_with_more_fields_than_the_header_moves_no_column(
    publication: tuple[Path, list[FabricatedStudy]],
) -> None:
    folder, _ = publication
    data = gzip.decompress((folder / "cxr-study-list.csv.gz").read_bytes()) + b"10000001,50000001,a,b\n"
    (folder / "cxr-study-list.csv.gz").write_bytes(gzip.compress(data))
    with pytest.raises(CorpusError, match=r"Row \d+ of .*cxr-study-list.* has 4 fields"):
        parse(folder)


def test_findings_that_say_none_are_no_text_to_learn(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    name = f"{invented[0].folder}.txt"
    _rewrite(folder, {name: b"FINDINGS: None.\n\nIMPRESSION: N/A\n\nCOMPARISON: None."})
    row = parse(folder)[0].set_index("study_id").loc[invented[0].study_id]
    assert row[["findings", "impression", "findings_source"]].isna().all()
    assert row["comparison"] == "None."


def test_rows_of_shipped_labels_that_repeat_a_study_are_said(tmp_path: Path, caplog) -> None:
    rows = pd.DataFrame(index=range(3), columns=["subject_id", "study_id", *OBSERVATIONS])
    rows["subject_id"], rows["study_id"], rows["Edema"] = (
        [1, 1, 2],
        [50000001, 50000001, 50000002],
        [1, 0, None],
    )
    rows.to_csv(tmp_path / "mimic-cxr-2.0.0-chexpert.csv", index=False)
    caplog.set_level(logging.WARNING)
    labels = read_labels(MimicCxrConfig.model_construct(root=str(tmp_path), jpg_root=None))
    assert labels["study_id"].tolist() == ["50000001", "50000002"]
    assert labels["Edema"].fillna(9).tolist() == [1, 9]
    (said,) = caplog.messages
    assert said.endswith("1 of 3 rows repeat a study and are left out; the first row of each counts.")
