"""Contents of the data card and the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN
from coherent_cxr.inputs.split_names import SPLITS
from coherent_cxr.models.bundle import ModelBundle

DIGITS = 12


def corpus_counts(
    studies: pd.DataFrame, findings: pd.DataFrame, splits: pd.DataFrame, index: pd.DataFrame
) -> list[tuple[str, Any]]:
    """Count a corpus from raw reports to images.

    Args:
        studies: Parsed studies: ``study_id``.
        findings: ``study_id``, ``tokens``.
        splits: ``study_id``, ``patient_id``, ``split``.
        index: Index of the image store: ``study_id``, ``view``, ``height``, ``width``.

    Returns:
        What, and how many.
    """
    words = findings["tokens"].map(lambda report: sum(len(sentence) for sentence in report))
    sentences = findings["tokens"].map(len)
    rows: list[tuple[str, Any]] = [
        ("studies parsed", len(studies)),
        ("studies with findings", len(findings)),
        ("words per report, mean", f"{words.mean():.1f}"),
        ("sentences per report, mean", f"{sentences.mean():.1f}"),
        ("images prepared", len(index)),
        ("studies with an image", index["study_id"].nunique()),
    ]
    rows += [(f"{view} images", int(count)) for view, count in index["view"].value_counts().items()]
    with_image = set(index["study_id"])
    for split in SPLITS:
        own = splits[splits["split"] == split]
        images = sum(study in with_image for study in own["study_id"])
        rows.append(
            (
                f"{split}: studies, with image, patients",
                f"{len(own)}, {images}, {own['patient_id'].nunique()}",
            )
        )
    return rows


def exclusion_counts(exclusions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count what each stage left out.

    Args:
        exclusions: ``id``, ``reason``, ``detail`` by stage.

    Returns:
        ``stage``, ``reason``, ``count``.
    """
    rows = [
        (stage, str(reason), int(count))
        for stage, table in exclusions.items()
        for reason, count in table["reason"].value_counts().items()
    ]
    return pd.DataFrame(rows, columns=["stage", "reason", "count"])


def label_counts(labels: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Count labels by observation and split.

    Returns:
        Observations by columns such as ``train positive``.
    """
    split_of = labels["study_id"].map(dict(zip(splits["study_id"], splits["split"], strict=True)))
    columns = {}
    for split in SPLITS:
        own = labels.loc[(split_of == split).to_numpy(), list(OBSERVATIONS)]
        for word, code in (("positive", POSITIVE), ("negative", NEGATIVE), ("uncertain", UNCERTAIN)):
            columns[f"{split} {word}"] = (own == code).sum().astype(int)
    return pd.DataFrame(columns)


def model_facts(system: str, bundle: ModelBundle) -> list[tuple[str, Any]]:
    """Describe a generator: architecture, its own record of its training, vocabulary, weights."""
    described = bundle.config.model_dump()
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in described.items())
    known = {key: value for key, value in bundle.metadata.items() if isinstance(value, str | int)}
    return [
        ("system", system),
        (
            "architecture",
            f"{described['encoder']}, sentence decoder, word decoder with visual sentinel (Liu et al. 2019)",
        ),
        ("settings", settings),
        ("image", f"{bundle.image_size} x {bundle.image_size} pixels"),
        ("vocabulary", f"{len(bundle.vocabulary)} tokens"),
        *((key.replace("_", " "), value) for key, value in known.items() if key != "system"),
        ("weights", f"SHA-256 {bundle.digest[:DIGITS]}…"),
    ]
