"""BERTScore (Zhang et al. 2020): words matched by the similarity of their contextual embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from coherent_cxr.evaluation.judges.interface import EXTRA, Judge, lacks_package, lacks_place
from coherent_cxr.evaluation.metrics.measures import Metric, SumMeasure, mean_measure

if TYPE_CHECKING:
    from torch import Tensor

MOST_TOKENS = 512


class BertScore(Judge):
    """F1 of greedy matching in the last layer, without weights by rarity and without rescaling."""

    name = "BERTScore"
    metrics = (Metric("BERTScore F1"),)

    def missing(self) -> str | None:
        """Return what it lacks."""
        folder = "a folder with a BERT-like model and its tokeniser (distilbert-base-uncased, for example)"
        return lacks_place(self.config.bertscore, "bertscore", self.name, folder) or lacks_package(
            "transformers", self.name, EXTRA
        )

    def measure(self, candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
        """Score pair by pair, mean over studies."""
        scores = [
            matched_f1(self._embed(c), self._embed(r)) for c, r in zip(candidates, references, strict=True)
        ]
        return mean_measure(self.metrics, np.asarray(scores, dtype=np.float64)[:, None])

    def _embed(self, text: str) -> Tensor:
        import torch

        model, tokenizer = self._loaded
        tokens = tokenizer(text, truncation=True, max_length=MOST_TOKENS, return_tensors="pt")
        with torch.no_grad():
            hidden: Tensor = model(tokens["input_ids"], tokens["attention_mask"]).last_hidden_state[0]
        return torch.nn.functional.normalize(hidden[1:-1], dim=-1)  # without the special tokens at both ends

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        transformers: Any = import_module("transformers")
        place = self.config.bertscore
        model = transformers.AutoModel.from_pretrained(place, local_files_only=True).eval()
        return model, transformers.AutoTokenizer.from_pretrained(place, local_files_only=True)


def matched_f1(candidate: Tensor, reference: Tensor) -> float:
    """Return the F1 of greedy matching.

    Args:
        candidate: Embeddings of length one ``(tokens, size)``.
        reference: Likewise.

    Returns:
        Harmonic mean of precision (each candidate token's best match) and recall; 0 if a side is empty.
    """
    if not len(candidate) or not len(reference):
        return 0.0
    similarity = candidate @ reference.T
    precision, recall = similarity.amax(dim=1).mean().item(), similarity.amax(dim=0).mean().item()
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
