"""Image regions for training: through a trainable encoder, or from cached features of a frozen one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.feature_cache import cached_features
from coherent_cxr.inference.samples import images_to_tensor, is_lateral, pad_reports
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.precision import Precision, encoder_autocast
from coherent_cxr.models.image_encoder.prior import PriorInput
from coherent_cxr.reports.priors import EncodedReports

EncoderMode = Literal["frozen", "trainable"]
FeatureProvider = Callable[[NDArray[np.int64]], Tensor]
"""Gives regions ``(batch, K, size)`` of samples, named by rows of the image store
(:func:`~coherent_cxr.inference.samples.rows_to_read`)."""


def feature_provider(
    model: ReportGenerator,
    store: ImageStore,
    mode: EncoderMode,
    folder: Path,
    precision: Precision,
    device: torch.device,
    prior_reports: EncodedReports | None = None,
) -> FeatureProvider:
    """Return the function that turns rows of the image store into regions, with gradient where it belongs.

    Args:
        model: The generator.
        store: Prepared images.
        mode: Whether features are computed once, and kept.
        folder: Where they are kept.
        precision: Number format of the encoder.
        device: Where to compute.
        prior_reports: From :func:`~coherent_cxr.reports.priors.prior_word_ids`, for a generator that reads
            the reports of priors; a prior that is not named has none.
    """
    if mode == "frozen":
        cached = cached_features(model.encoder.backbone, store, folder, precision, device)

        def features_of(rows: NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(cached[rows]).to(device)

    else:

        def features_of(rows: NDArray[np.int64]) -> Tensor:
            with encoder_autocast(precision, device):
                features: Tensor = model.encoder.backbone(images_to_tensor(store, rows, device))
            return features

    lateral = torch.from_numpy(is_lateral(store)).long().to(device)
    study_of = dict(zip(store.index["row"], store.index["study_id"], strict=True))

    def words_of(before: NDArray[np.int64]) -> Tensor | None:
        """Return the words of the reports that belong to the priors' images, in these rows; -1 is none."""
        if not model.config.prior_report:
            return None
        known: EncodedReports = prior_reports or {}
        own = [known.get(study_of[row], []) if row >= 0 else [] for row in before.tolist()]
        return pad_reports(own, model.config).words.to(device)

    def regions_of(rows: NDArray[np.int64]) -> Tensor:
        hours = words = None
        if model.config.study_input == "with_prior":
            rows, hours, words = rows[:, :2], torch.from_numpy(rows[:, 2]).to(device), words_of(rows[:, 1])
            rows = np.where(rows < 0, rows[:, :1], rows)  # whatever is there, it will not be read
        # An image that stands in both views' places is computed once.
        once, places = np.unique(rows, return_inverse=True)
        views = None
        if len(once) == rows.size:
            features = features_of(rows.flatten())
        else:
            features = features_of(once).index_select(0, torch.from_numpy(places.flatten()).to(device))
        if rows.ndim == 2:
            features = features.view(*rows.shape, *features.shape[1:])
            if hours is not None:
                prior = PriorInput(features[:, 1], hours / 24, words)
                with_prior: Tensor = model.encoder(features[:, 0], prior=prior)
                return with_prior
            views = lateral[torch.from_numpy(rows).to(device)]
        regions: Tensor = model.encoder(features, views)
        return regions

    return regions_of
