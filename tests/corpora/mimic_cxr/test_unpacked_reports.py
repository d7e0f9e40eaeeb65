"""Reports that were unpacked, or packed otherwise, are read as the published archive."""

import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from coherent_cxr.corpora.mimic_cxr.fabrication import (
    FabricatedStudy,
)
from helpers.mimic_publication import parse


def _unpack(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(folder / "mimic-cxr-reports.zip") as archive:
        archive.extractall(target)
    (folder / "mimic-cxr-reports.zip").unlink()


@pytest.mark.parametrize(
    "place",
    ["", "mimic-cxr-reports", "linked", "tgz", "physionet.org/files/mimic-cxr/2.1.0", "unpacked here (1)"],
)
def test_unpacked_and_repacked_reports_are_the_same(
    publication: tuple[Path, list[FabricatedStudy]], tmp_path: Path, place: str
) -> None:
    folder, _ = publication
    packed = [table.sort_values(table.columns[0], ignore_index=True) for table in parse(folder)]
    _unpack(folder, tmp_path / "elsewhere" if place in ("linked", "tgz") else folder / place)
    if place == "linked":
        (folder / "files").symlink_to(tmp_path / "elsewhere" / "files")
        (tmp_path / "elsewhere" / "files" / "p10" / "files").symlink_to(folder)  # a circle
    if place == "tgz":
        with tarfile.open(folder / "mimic-cxr-reports.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "elsewhere" / "files", arcname="files")
    for study in (folder / "files").glob("p10/p*/"):
        (study / "s59999999").mkdir()
        (study / "s59999999" / "02aa804e.txt").write_text("beside an image, in a folder of images")
    for whole, read in zip(packed, parse(folder), strict=True):
        pd.testing.assert_frame_equal(whole, read.sort_values(read.columns[0], ignore_index=True))


def test_bad_unpacked_files_are_exclusions(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    _unpack(folder, folder)
    names = [f"{study.folder}.txt" for study in invented]
    (folder / names[0]).write_bytes(b"")
    (folder / names[1]).write_bytes(b"A" * 1_000_001)
    (folder / names[2]).unlink()
    (folder / names[3]).unlink()
    (folder / names[3]).symlink_to(folder / "nowhere")
    odd = folder / names[4].rsplit("/", 1)[0] / "s1\x1b[2J.txt"
    odd.write_text("FINDINGS: Not counted.")
    (folder / "LICENSE.txt").write_text("no report")
    _, _, exclusions = parse(folder)
    assert dict(zip(exclusions["id"], exclusions["reason"], strict=True)) == {
        names[0]: "empty_file",
        names[1]: "file_too_large",
        invented[2].study_id: "missing_report",
        invented[3].study_id: "missing_report",
        f"{names[4].rsplit('/', 1)[0]}/s1\\x1b[2J.txt": "unexpected_name",
    }
