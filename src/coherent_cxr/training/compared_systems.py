"""The compared systems answer for the test studies; those that learn are trained first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.baselines.registry import SYSTEMS
from coherent_cxr.baselines.retrieval import Retriever, Tokens, TrainingImages
from coherent_cxr.configuration import configuration, require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.encoder import Backbone
from coherent_cxr.models.precision import Precision
from coherent_cxr.reports.text import detokenize
from coherent_cxr.training.regions import cached_features


@configuration
class BaselinesConfig:
    """Settings of the stage ``baselines``.

    Attributes:
        systems: Systems to build, by their names in the registry.
        precision: Number format of the encoder.
        checkpoint_folder: Where image features and checkpoints are kept.
    """

    systems: tuple[str, ...] = tuple(SYSTEMS)
    precision: Precision = "auto"
    checkpoint_folder: str = "data/06_models/checkpoints"

    def check(self) -> None:
        """Refuse systems that do not exist."""
        for name in self.systems:
            require(name in SYSTEMS, "baselines.systems", name, f"one of {', '.join(SYSTEMS)}")


def image_features(
    config: BaselinesConfig, encoder_weights: Mapping[str, Tensor], store: ImageStore
) -> NDArray[np.float16]:
    """Return region features of every stored image from the frozen, pretrained encoder.

    Returns:
        ``(images, K, 1024)``, memory-mapped; shared with the stages that train on the same frozen encoder.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = Backbone().to(device)
    backbone.load_state_dict(dict(encoder_weights))
    return cached_features(backbone, store, Path(config.checkpoint_folder), config.precision, device)


def mean_features(features: NDArray[np.float16], rows: Sequence[int]) -> NDArray[np.float32]:
    """Return the mean over regions of some images ``(rows, 1024)``."""
    return np.stack([features[row].astype(np.float32).mean(axis=0) for row in rows])


def write_reports(
    config: BaselinesConfig,
    store: ImageStore,
    encoder_weights: Mapping[str, Tensor],
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    study_ids: Sequence[str],
) -> pd.DataFrame:
    """Let every compared system write a report for each study.

    Args:
        config: The stage's settings.
        store: Prepared images.
        encoder_weights: State of the pretrained encoder's backbone.
        findings: ``study_id``, ``tokens``.
        splits: ``study_id``, ``split``.
        study_ids: Studies to write for, each with at least one stored image.

    Returns:
        ``system``, ``study_id``, ``tokens``, ``report``.
    """
    features = image_features(config, encoder_weights, store)
    training_ids = set(splits.loc[splits["split"] == "train", "study_id"])
    pairs = [
        (row, [[str(word) for word in sentence] for sentence in tokens])
        for study, tokens in zip(findings["study_id"], findings["tokens"], strict=True)
        if study in training_ids
        for row in store.rows_of_study(study)
    ]
    training = TrainingImages([t for _, t in pairs], mean_features(features, [row for row, _ in pairs]))
    test = mean_features(features, [store.rows_of_study(study)[0] for study in study_ids])
    tables = [
        report_table(name, study_ids, retrieved(SYSTEMS[name](), training, test)) for name in config.systems
    ]
    return pd.concat(tables, ignore_index=True)


def retrieved(system: Retriever, training: TrainingImages, features: NDArray[np.float32]) -> list[Tokens]:
    """Return the training reports that a system chooses for images."""
    return [training.reports[row] for row in system.choose(training, features)]


def report_table(system: str, study_ids: Sequence[str], reports: Sequence[Tokens]) -> pd.DataFrame:
    """Return one system's reports as rows of ``system``, ``study_id``, ``tokens``, ``report``."""
    return pd.DataFrame(
        {
            "system": system,
            "study_id": list(study_ids),
            "tokens": list(reports),
            "report": [detokenize(report) for report in reports],
        }
    )
