"""Image regions of many studies, batch by batch, as a generator reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.features import EncoderMode, feature_provider
from coherent_cxr.inference.generation import GenerationConfig
from coherent_cxr.inference.samples import rows_to_read
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.priors import Priors, prior_word_ids
from coherent_cxr.reports.vocabulary import Vocabulary


@torch.no_grad()
def study_regions(
    model: ReportGenerator,
    vocabulary: Vocabulary,
    store: ImageStore,
    study_ids: Sequence[str],
    config: GenerationConfig,
    priors: Priors | None = None,
) -> Iterator[Tensor]:
    """Yield regions V ``(batch, K, size)`` of studies in order.

    Args:
        model: The generator in evaluation mode.
        vocabulary: Its words.
        store: Prepared images.
        study_ids: Studies, each with at least one stored image.
        config: Batch size, precision, and where features are kept.
        priors: The studies before, for a generator that reads them.
    """
    device = next(model.parameters()).device
    mode: EncoderMode = "trainable" if config.checkpoint_folder is None else "frozen"
    folder = Path(config.checkpoint_folder or "")
    told = prior_word_ids(priors or {}, vocabulary) if model.config.prior_report else None
    regions_of = feature_provider(model, store, mode, folder, config.precision, device, told)
    for start in range(0, len(study_ids), config.batch_size):
        batch = study_ids[start : start + config.batch_size]
        yield regions_of(np.stack([rows_to_read(store, study, model.config, priors)[0] for study in batch]))
