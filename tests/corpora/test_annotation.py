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
