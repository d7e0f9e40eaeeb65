"""A cell of a table means one file of the folder, or says why none."""

from pathlib import Path

import pytest

from coherent_cxr.corpora.imported.images import ImageFinder

IDS = [
    "0012/IM1",
    "0012/IM2",
    "7/IM1",
    "films/00500_1",
    "films/00500_2",
    "films/80-1",
    "Ärzte/Müller 1",
    "1.2.840.3",
]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("0012/IM1.dcm", "0012/IM1"),
        ("./0012/IM1", "0012/IM1"),
        (" 0012\\im2.DCM ", "0012/IM2"),
        ("films/00500_1.jpeg", "films/00500_1"),
        ("00500_1.png", "films/00500_1"),
        ("{root}/7/IM1.dcm", "7/IM1"),
        ("D:\\PACS\\export\\7\\IM1.dcm", "7/IM1"),
        ("a\u0308rzte/mu\u0308ller 1.png", "Ärzte/Müller 1"),
        ("1.2.840.3", "1.2.840.3"),
        ("IM1.dcm", "ambiguous_image"),
        ("0012/IM3.dcm", "missing_image"),
        ("../0012/IM1.dcm", "path_outside_folder"),
        ("0012/../../secret.png", "path_outside_folder"),
        ("/etc/passwd.png", "path_outside_folder"),
        ("C:/other/0012/IM1.dcm", "path_outside_folder"),
        ("D:/PACS/export/../IM1.dcm", "path_outside_folder"),
        ("~/IM1.png", "path_outside_folder"),
        ("https://example.org/7/IM1.png", "missing_image"),
    ],
)
def test_paths(tmp_path: Path, given: str, found: str) -> None:
    finder = ImageFinder(tmp_path, IDS, "D:/PACS/export/")
    image = finder.find(given.format(root=tmp_path))
    assert (image.image_id or image.reason) == found
    assert (image.image_id is None) == (image.detail is not None)


@pytest.mark.parametrize(
    ("study", "found"),
    [
        ("0012", ["0012/IM1", "0012/IM2"]),
        ("00500", ["films/00500_1", "films/00500_2"]),
        ("80", ["films/80-1"]),
        ("IM1", ["0012/IM1", "7/IM1"]),
        ("12", []),
        ("005", []),
    ],
)
def test_files_and_folders_called_as_the_study(tmp_path: Path, study: str, found: list[str]) -> None:
    assert ImageFinder(tmp_path, IDS).of_study(study) == found
