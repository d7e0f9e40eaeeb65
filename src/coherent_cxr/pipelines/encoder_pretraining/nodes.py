"""Node of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from coherent_cxr.images.store import ImageStore
from coherent_cxr.training.encoder_pretraining import EncoderPretrainingConfig


def pretrain_encoder(
    config: EncoderPretrainingConfig,
    image_store: ImageStore,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
) -> tuple[dict[str, Any], pd.DataFrame, Figure]:
    """Train the encoder; return its weights, history and learning curves."""
    from coherent_cxr.training import encoder_pretraining
    from coherent_cxr.training.curves import learning_curves
    from coherent_cxr.training.distributed import run_in_ranks

    result = run_in_ranks(
        encoder_pretraining.pretrain_encoder, config.processes, config, image_store, chexpert_labels, splits
    )
    return result.weights, result.history, learning_curves(result.history, "encoder pretraining")
