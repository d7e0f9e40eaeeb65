"""Writing reports for many studies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from coherent_cxr.configuration import configuration, require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.decoding import decode, without_repeats, word_ids
from coherent_cxr.models.precision import Precision, encoder_autocast
from coherent_cxr.reports.text import detokenize
from coherent_cxr.training.samples import images_to_tensor


@configuration
class GenerationConfig:
    """How reports are written for evaluation.

    Attributes:
        batch_size: Studies per batch.
        remove_repeats: Drop a sentence that stands earlier in the same report (the paper's post-processing).
        precision: Number format of the encoder.
    """

    batch_size: int = 64
    remove_repeats: bool = True
    precision: Precision = "auto"

    def check(self) -> None:
        """Refuse impossible values."""
        require(self.batch_size > 0, "generation.batch_size", self.batch_size, "a positive whole number")


@torch.no_grad()
def generate_reports(
    bundle: ModelBundle, store: ImageStore, study_ids: Sequence[str], config: GenerationConfig
) -> pd.DataFrame:
    """Write a report for each study from its first stored image (frontal first), greedily.

    Args:
        bundle: The generator.
        store: Prepared images of the size the generator was trained on.
        study_ids: Studies, each with at least one stored image.
        config: Batch size, post-processing, precision.

    Returns:
        Table with ``study_id``, ``tokens`` (lists of words per sentence) and ``report`` (readable text), in
        the order of ``study_ids``.

    Raises:
        ValueError: If the store's image size is not the generator's.
    """
    if store.size != bundle.image_size:
        raise ValueError(
            f"The generator reads {bundle.image_size} pixel images and the image store holds {store.size} "
            "pixel ones. Run image_preparation and training with the same `size`."
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = bundle.build().to(device)
    tokens: list[list[list[str]]] = []
    for start in tqdm(range(0, len(study_ids), config.batch_size), desc="reports", unit="batch"):
        rows = [store.rows_of_study(study)[0] for study in study_ids[start : start + config.batch_size]]
        with encoder_autocast(config.precision, device):
            features = model.encoder.backbone(images_to_tensor(store, np.asarray(rows), device))
        written = decode(model, model.encoder(features))
        for report in word_ids(written.reports):
            sentences = [bundle.vocabulary.decode(sentence) for sentence in report]
            tokens.append(without_repeats(sentences) if config.remove_repeats else sentences)
    return pd.DataFrame(
        {"study_id": list(study_ids), "tokens": tokens, "report": [detokenize(t) for t in tokens]}
    )
