"""Label scores of images and studies, and how well they separate positives from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.feature_cache import cached_features
from coherent_cxr.inference.samples import images_to_tensor
from coherent_cxr.models.image_encoder.backbone import LabelClassifier
from coherent_cxr.models.image_encoder.precision import Precision, encoder_autocast
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.models.image_encoder.shifts import average_logits
from coherent_cxr.runtime.distributed import training_device
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.targets import folds_of

BATCH = 64


@torch.no_grad()
def image_logits(
    model: LabelClassifier,
    store: ImageStore,
    rows: NDArray[np.int64],
    precision: Precision,
    device: torch.device,
) -> NDArray[np.float32]:
    """Return the logits of stored images ``(images, labels)``."""
    model.eval()
    logits = [np.zeros((0, model.head.out_features), dtype=np.float32)]
    for start in range(0, len(rows), BATCH):
        batch = images_to_tensor(store, rows[start : start + BATCH], device)
        with encoder_autocast(precision, device):
            features = model.backbone(batch)
        logits.append(model.classify(features).cpu().numpy())
    return np.concatenate(logits)


def study_means(
    study_ids: Sequence[str], values: NDArray[np.float32]
) -> tuple[list[str], NDArray[np.float32]]:
    """Average what belongs to the same study.

    Args:
        study_ids: Study of each row.
        values: ``(rows, columns)``.

    Returns:
        The studies in the order in which they first appear, and their means ``(studies, columns)``.
    """
    studies = list(dict.fromkeys(study_ids))
    place = {study: index for index, study in enumerate(studies)}
    places = np.array([place[study] for study in study_ids], dtype=np.int64)
    sums = np.zeros((len(studies), values.shape[1]), dtype=np.float64)
    np.add.at(sums, places, values)
    counts = np.bincount(places, minlength=len(studies)).reshape(-1, 1)
    return studies, (sums / np.maximum(counts, 1)).astype(np.float32)


def auroc_by_label(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], known: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the area under the ROC curve of each observation, and their mean as ``auroc``.

    Args:
        scores: Higher means more likely positive ``(studies, 14)``.
        truth: Whether an observation is positive ``(studies, 14)``.
        known: Which truths count ``(studies, 14)``.

    Returns:
        ``auroc/<observation>`` in 0..1 and ``auroc``; observations without both a positive and a negative
        study are left out, and nothing is returned if that leaves none.
    """
    areas = {}
    for column, observation in enumerate(OBSERVATIONS):
        here = known[:, column]
        positive = truth[here, column]
        if 0 < positive.sum() < len(positive):
            areas[f"auroc/{observation}"] = float(roc_auc_score(positive, scores[here, column]))
    return {"auroc": float(np.mean(list(areas.values()))), **areas} if areas else {}


@torch.no_grad()
def score_labels(
    config: EncoderPretrainingConfig, pretrained: PretrainedEncoder, store: ImageStore, splits: pd.DataFrame
) -> pd.DataFrame:
    """Score the labels of every study: the mean logit over its images, their shifted copies and the members.

    A training study of cross-fitted members is scored by the one that has not seen it.

    Args:
        config: The stage's settings.
        pretrained: The trained classifiers.
        store: Prepared images.
        splits: ``study_id``, ``patient_id``, ``split``.

    Returns:
        ``study_id`` and a logit per observation, in the order of the store's index.
    """
    device = training_device()
    total = np.zeros((len(store), len(OBSERVATIONS)), dtype=np.float64)
    by_row = store.index.sort_values("row")
    folds = folds_of(splits, config.members) if config.cross_fitted else {}
    unseen_by = np.array([folds.get(str(study), -1) for study in by_row["study_id"]], dtype=np.int64)
    weight = np.full(len(store), 1 / len(pretrained.members))
    for member, classifier in enumerate(pretrained.classifiers()):
        weight[unseen_by >= 0] = unseen_by[unseen_by >= 0] == member
        classifier.to(device)
        # the generator reads the same features later
        folder = Path(config.checkpoint_folder)
        features = cached_features(classifier.backbone, store, folder, config.precision, device)
        for start in range(0, len(store), BATCH):
            batch = torch.from_numpy(np.array(features[start : start + BATCH])).to(device)
            logits = classifier.classify(batch)
            if config.test_time_shifts:
                rows = np.arange(start, start + len(batch))
                images = images_to_tensor(store, rows, device)
                with encoder_autocast(config.precision, device):
                    logits = average_logits(classifier, images, logits, config.test_time_shifts)
            share = weight[start : start + BATCH, None]
            total[start : start + BATCH] += logits.cpu().numpy() * share
    studies, scores = study_means(by_row["study_id"].astype(str).tolist(), total.astype(np.float32))
    table = pd.DataFrame(scores, columns=list(OBSERVATIONS))
    table.insert(0, "study_id", studies)
    return table
