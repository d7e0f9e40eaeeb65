"""A corpus of short reports, split, counted and encoded."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from coherent_cxr.reports.encoding import (
    VocabularyBuildingConfig,
    count_corpus,
    encode_reports,
    split_studies,
)
from coherent_cxr.reports.vocabulary import Vocabulary


class Encoded(NamedTuple):
    splits: pd.DataFrame
    exclusions: pd.DataFrame
    vocabulary: Vocabulary
    encoded_reports: pd.DataFrame


def encode_corpus(
    config: VocabularyBuildingConfig, findings: pd.DataFrame, studies: pd.DataFrame, labels: pd.DataFrame
) -> Encoded:
    splits, exclusions = split_studies(config, findings, studies)
    counted = count_corpus(config, splits, [findings], [labels])
    encoded = encode_reports(config, counted, splits, findings, labels)
    return Encoded(splits, exclusions, counted.vocabulary, encoded)


def corpus(count: int = 40, patients: int = 20) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    ids = [f"S{n}" for n in range(count)]
    studies = pd.DataFrame({"study_id": ids, "patient_id": [f"P{n % patients}" for n in range(count)]})
    words = [[["lungs", "clear"], ["word", f"w{n}"]] for n in range(count)]
    labels = pd.DataFrame(
        [(study, n, n == 0, n) for study in ids for n in range(2)],
        columns=["study_id", "sentence", "No Finding", "Edema"],
    )
    return pd.DataFrame({"study_id": ids, "tokens": words}), studies, labels
