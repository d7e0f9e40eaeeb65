"""R2Gen's annotation.json: the split of 2,069, 296 and 590 Open-I studies that most papers use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

_STUDY = re.compile(r"(?P<study>CXR\d+)(?:_.*)?|(?P<other>.+)")


def read_annotation(path: Path) -> pd.DataFrame:
    """Read which study is in which split.

    Args:
        path: annotation.json: lists of studies under "train", "val" and "test", each with "id".

    Returns:
        study_id and split as the file names them; "CXR2384_IM-0942" is the study CXR2384. A study that is
        listed for several of its images stands here once.

    Raises:
        ValueError: If the file is no such annotation.
    """
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
        rows = [(str(study["id"]), split) for split, studies in splits.items() for study in studies]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError('it is not {"train": [{"id": ...}, ...], "val": [...], "test": [...]}') from error
    ids = [
        match["study"] or match["other"] for match in (_STUDY.fullmatch(name) for name, _ in rows) if match
    ]
    table = pd.DataFrame({"study_id": ids, "split": [split for _, split in rows]}, dtype="str")
    return table.drop_duplicates().reset_index(drop=True)
