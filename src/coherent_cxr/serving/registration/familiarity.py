"""What a model's training images are like, computed once where it is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.feature_cache import cached_features
from coherent_cxr.inference.samples import images_to_tensor
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.models.training_features import FEWEST, TrainingFeatures
from coherent_cxr.models.training_studies import TrainingStudies

MOST_TRAINING, MOST_VALIDATION = 4_000, 500
"""Images that are looked at: enough for 32 directions and for the limits, and seconds of work."""
BATCH = 32


def with_image_checks(
    bundle: ModelBundle,
    checks: Mapping[str, Any],
    store: ImageStore,
    encoded_reports: pd.DataFrame,
    checkpoint_folder: Path,
) -> ModelBundle:
    """Add to a bundle what pixels and features of its training images look like.

    Args:
        bundle: The model.
        checks: What the stage image_preparation learnt of the pixels; see
            :class:`coherent_cxr.images.recognition.checks.ImageChecks`.
        store: Prepared images.
        encoded_reports: ``study_id`` and ``split``.
        checkpoint_folder: Where training cached the image features.

    Returns:
        The bundle; without features, whose limits are set on validation images, if there are fewer than two
        training images or no validation image.
    """
    bundle = replace(bundle, image_checks=ImageChecks.from_dict(checks))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    training = _rows(store, encoded_reports, "train", MOST_TRAINING)
    validation = _rows(store, encoded_reports, "validation", MOST_VALIDATION)
    if len(training) < FEWEST or not len(validation):
        return bundle
    backbone = bundle.build().encoder.backbone.to(device)
    cached = cached_features(backbone, store, checkpoint_folder, "auto", device)
    # (images, K, channels) -> (images, channels), a row at a time: the cache may be larger than memory
    known = np.stack([cached[row].astype(np.float32).mean(axis=0) for row in training])
    held_out = _features_as_served(backbone, store, validation, device)
    return replace(bundle, training_features=TrainingFeatures.fit(known, held_out))


def with_training_studies(
    bundle: ModelBundle, store: ImageStore, encoded_reports: pd.DataFrame, checkpoint_folder: Path
) -> ModelBundle:
    """Add ids of training studies, and the features of the first image of each, to a bundle.

    Args:
        bundle: The model.
        store: Prepared images.
        encoded_reports: ``study_id`` and ``split``.
        checkpoint_folder: Where training cached the image features.

    Returns:
        The bundle; without them if no training study has an image.
    """
    training = encoded_reports.loc[encoded_reports["split"] == "train", "study_id"].astype(str)
    first = {study: rows[0] for study in training if (rows := store.rows_of_study(study))}
    if not first:
        return bundle
    ids = sorted(first)
    chosen = np.sort(np.random.default_rng(0).permutation(len(ids))[:MOST_TRAINING])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = bundle.build().encoder.backbone.to(device)
    cached = cached_features(backbone, store, checkpoint_folder, "auto", device)
    known = tuple(ids[place] for place in chosen)
    means = np.stack([cached[first[study]].astype(np.float32).mean(axis=0) for study in known])
    return replace(bundle, training_studies=TrainingStudies(known, means.astype(np.float16)))


def _rows(store: ImageStore, encoded_reports: pd.DataFrame, split: str, max_rows: int) -> NDArray[np.int64]:
    studies = encoded_reports.loc[encoded_reports["split"] == split, "study_id"]
    rows = np.array([row for study in studies for row in store.rows_of_study(study)], dtype=np.int64)
    return np.sort(np.random.default_rng(0).permutation(rows)[:max_rows])


@torch.no_grad()
def _features_as_served(
    backbone: Backbone, store: ImageStore, rows: NDArray[np.int64], device: torch.device
) -> NDArray[np.float32]:
    """Return mean features ``(images, channels)`` in float32: the cache may hold bfloat16's rounding."""
    parts = [
        backbone(images_to_tensor(store, rows[start : start + BATCH], device)).mean(dim=1).cpu().numpy()
        for start in range(0, len(rows), BATCH)
    ]
    return np.concatenate(parts)
