"""R2Gen's annotation.json gives the split that most papers use."""

import json
from pathlib import Path

import pytest

from coherent_cxr.reports.splits import SplitFileError, read_split_file


def test_studies_are_found_in_their_splits(tmp_path: Path) -> None:
    path = tmp_path / "annotation.json"
    path.write_text(
        json.dumps(
            {
                "train": [{"id": "CXR2384_IM-0942", "report": "x", "image_path": ["CXR2384_IM-0942/0.png"]}],
                "val": [{"id": "CXR7_IM-1"}, {"id": "CXR7_IM-2"}],
                "test": [{"id": "50414267"}],
            }
        )
    )
    assert read_split_file(path) == {"CXR2384": "train", "CXR7": "validation", "50414267": "test"}


def test_mimic_cxrs_annotation_lists_images_and_their_studies(tmp_path: Path) -> None:
    path = tmp_path / "annotation.json"
    images = [
        {
            "id": f"02aa804e-bde0afdd-112c0b34-7bc16630-4e38401{n}",
            "study_id": study,
            "subject_id": 10000032,
            "report": "Invented.",
            "image_path": [f"p10/p10000032/s{study}/02aa804e-bde0afdd-112c0b34-7bc16630-4e38401{n}.jpg"],
            "split": split,
        }
        for n, (study, split) in enumerate(
            [(50414267, "train"), (50414267, "train"), ("53189527", "val"), (53911762, "test")]
        )
    ]
    by_split = {split: [i for i in images if i["split"] == split] for split in ("train", "val", "test")}
    path.write_text(json.dumps(by_split))
    assert read_split_file(path) == {"50414267": "train", "53189527": "validation", "53911762": "test"}


@pytest.mark.parametrize(
    ("entry", "study"),
    [
        ({"id": "02aa804e", "study_id": "s50414267"}, "50414267"),
        ({"id": "02aa804e", "study_id": 50414267.0}, "50414267"),
        ({"id": "s50414267"}, "50414267"),
        ({"id": "CXR7_IM-2263", "study_id": None}, "CXR7"),
        ({"id": "CXR7_IM-2263", "study_id": ""}, "CXR7"),
        ({"id": "CXR7_IM-2263", "study_id": float("nan")}, "CXR7"),
        ({"id": "s1"}, "s1"),
    ],
)
def test_ids_of_an_annotation_are_those_of_the_reports(
    tmp_path: Path, entry: dict[str, object], study: str
) -> None:
    path = tmp_path / "annotation.json"
    path.write_text(json.dumps({"train": [entry], "val": [], "test": []}))
    assert read_split_file(path) == {study: "train"}
    path.write_text(json.dumps([{**entry, "split": "val"}]))
    assert read_split_file(path) == {study: "validation"}


@pytest.mark.parametrize(
    "content",
    [
        "[" * 1_000_000,
        '{"train": ' + "[" * 1_000_000 + "]" * 1_000_000 + "}",
        '{"train": [{"id": "\\ud800"}]}',
        '{"train": [{"id": "CXR1\\u0000"}]}',
        '{"train": [{"id": ""}]}',
        '{"train": [{"id": NaN}]',
        '{"train": "abc"}',
        "",
    ],
)
def test_hostile_files_are_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "annotation.json"
    path.write_text(content)
    with pytest.raises(SplitFileError, match="cannot be read") as caught:
        read_split_file(path)
    assert len(str(caught.value)) < 400


def test_other_encodings_of_an_annotation(tmp_path: Path) -> None:
    path = tmp_path / "annotation.json"
    for data in (b"\xef\xbb\xbf", b'{"val": [{"id": "CXR1", "report": "caf\xe9"}], '):
        ending = b'"test": []}' if data.startswith(b"{") else b'{"val": [{"id": "CXR1"}], "test": []}'
        path.write_bytes(data + ending)
        assert read_split_file(path) == {"CXR1": "validation"}


@pytest.mark.parametrize("content", ["[1, 2]", '{"train": [{"no": 1}]}', '{"train": 3}', "{"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "annotation.json"
    path.write_text(content)
    with pytest.raises(SplitFileError, match="cannot be read"):
        read_split_file(path)


def test_a_study_in_two_splits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "annotation.json"
    path.write_text(json.dumps({"train": [{"id": "CXR1_IM-1"}], "test": [{"id": "CXR1_IM-2"}]}))
    with pytest.raises(SplitFileError, match="'CXR1' into two splits"):
        read_split_file(path)
