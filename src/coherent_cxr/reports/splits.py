"""Training, validation and test split: by patient and seeded, or from a user's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.split_names import ALIASES, SPLITS
from coherent_cxr.inputs.tables.reading import read_table
from coherent_cxr.inputs.tables.study_ids import clean_ids
from coherent_cxr.reports.annotation import read_annotation


class SplitFileError(ValueError):
    """A split file that cannot be used; the message names the file and what would be right."""


def split_by_patient(patients: pd.Series, ratio: tuple[int, ...], seed: int) -> pd.Series:
    """Assign every patient, and so all of their studies, to one split.

    Args:
        patients: Patient of each study ``(studies,)``.
        ratio: Shares of train, validation and test, for example ``(7, 1, 2)``.
        seed: Seed of the assignment; it depends on nothing else but the set of patients.

    Returns:
        Split of each study, aligned with ``patients``.
    """
    names = np.sort(patients.unique())
    order = np.random.default_rng(seed).permutation(len(names))
    borders = np.round(np.cumsum(ratio) / sum(ratio) * len(names)).astype(int)
    place = np.searchsorted(borders, np.arange(len(names)), side="right")
    split_of = dict(zip(names[order], np.asarray(SPLITS)[place], strict=True))
    return patients.map(split_of).rename("split")


def read_split_file(path: Path) -> dict[str, str]:
    """Read a CSV with the columns ``study_id`` and ``split``, or an ``annotation.json`` of R2Gen.

    Args:
        path: The file; splits are train, validation (or val) and test.

    Returns:
        Split by study.

    Raises:
        SplitFileError: If the file is missing, lacks a column, names an unknown split, or lists a study in
            two.
    """
    try:
        table = read_annotation(path) if path.suffix == ".json" else read_table(path, ("study_id", "split"))
    except TableError as error:
        raise SplitFileError(f"{error} A split file needs the columns study_id and split.") from error
    except (OSError, ValueError) as error:
        raise SplitFileError(f"The split file '{path}' cannot be read ({error}).") from error
    table = table.assign(study_id=clean_ids(table["study_id"])).dropna(subset="study_id")
    split = table["split"].str.strip().str.lower().replace(ALIASES)
    unknown = table.loc[~split.isin(SPLITS), "split"]
    if len(unknown):
        raise SplitFileError(
            f"The split file '{path}' names the split {quote(unknown.iloc[0])}; known are "
            f"{', '.join(SPLITS)}."
        )
    twice = table.assign(split=split).groupby("study_id")["split"].nunique()
    if (twice > 1).any():
        raise SplitFileError(f"The split file '{path}' puts the study '{twice.idxmax()}' into two splits.")
    return dict(zip(table["study_id"], split, strict=True))
