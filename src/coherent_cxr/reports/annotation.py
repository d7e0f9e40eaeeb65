"""R2Gen's annotation.json: the split of 2,069, 296 and 590 Open-I studies of most papers, or MIMIC-CXR's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from coherent_cxr.inputs.tables.null_words import is_null

_STUDY = re.compile(r"(?P<study>CXR\d+)(?:_.*)?|[sS]?(?P<number>\d{8})|(?P<other>.+)")
"""Finds the study id that report files use: CXR2384 in "CXR2384_IM-0942", 50414267 in "s50414267"."""


def read_annotation(path: Path) -> pd.DataFrame:
    """Read which study is in which split.

    Args:
        path: annotation.json: lists under "train", "val" and "test" of studies with "id" (Open-I), or of
            images with "id" and "study_id" (MIMIC-CXR); or one list of such entries with "split".

    Returns:
        study_id and split as the file names them; "CXR2384_IM-0942" is the study CXR2384. A study that is
        listed for several of its images stands here once.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the file is no such annotation.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    try:
        splits = json.loads(text)
        if isinstance(splits, list):
            listed = [(study["split"], study) for study in splits]
        else:
            listed = [(split, study) for split, studies in splits.items() for study in studies]
        rows = [
            (str(study["id"] if is_null(study.get("study_id")) else study["study_id"]), str(split))
            for split, study in listed
        ]
    except RecursionError as error:
        raise ValueError("it is nested too deeply to be one") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError('it is not {"train": [{"id": ...}, ...], "val": [...], "test": [...]}') from error
    found = [match for match in (_STUDY.fullmatch(name) for name, _ in rows) if match]
    ids = [match[match.lastgroup or 0] for match in found]
    if len(ids) < len(rows) or not all(name.isprintable() for pair in rows for name in pair):
        raise ValueError("it holds an empty id, or one with characters that no id has")
    table = pd.DataFrame({"study_id": ids, "split": [split for _, split in rows]}, dtype="str")
    return table.drop_duplicates().reset_index(drop=True)
