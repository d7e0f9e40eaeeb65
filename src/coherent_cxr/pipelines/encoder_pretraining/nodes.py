"""Node of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.images.store import ImageStore
from coherent_cxr.training.encoder_pretraining import EncoderPretrainingConfig


def pretrain_encoder(
    config: EncoderPretrainingConfig,
    image_store: ImageStore,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train the encoder; return its weights and history."""
    from coherent_cxr.training import encoder_pretraining

    result = encoder_pretraining.pretrain_encoder(config, image_store, chexpert_labels, splits)
    return result.weights, result.history
