"""CheXbert's network (Smit et al. 2020), read from its authors' checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coherent_cxr.chexpert.chexbert_folder import VOCABULARY, WEIGHTS, chexbert_folder
from coherent_cxr.chexpert.observations import FOURTEEN

HEADS: Final = (
    *("Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion"),
    *FOURTEEN[FOURTEEN.index("Edema") :],
    "No Finding",
)
"""Order of the checkpoint's heads; each has four classes, the last has two."""
CODES: Final = np.array([2, 1, 0, -1], dtype=np.int8)
"""Label code of a head's class: blank, positive, negative, uncertain."""
MOST_TOKENS, BATCH, HEAD_WIDTH = 512, 32, 64


class CheXbertModel(nn.Module):
    """BERT and 14 linear heads on its first token."""

    def __init__(self, bert: nn.Module, size: int) -> None:
        super().__init__()
        self.bert = bert
        self.linear_heads = nn.ModuleList(nn.Linear(size, 4 if name != "No Finding" else 2) for name in HEADS)

    def forward(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """Return logits of each head ``(reports, classes)`` for token ids ``(reports, tokens)``."""
        first = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
        return [head(first) for head in self.linear_heads]


class CheXbertReader:
    """Labels reports with its authors' checkpoint.

    Args:
        weights: The checkpoint.
        vocabulary: ``vocab.txt`` of bert-base-uncased.
    """

    def __init__(self, weights: Path, vocabulary: Path) -> None:
        transformers: Any = import_module("transformers")
        saved = torch.load(weights, map_location="cpu", weights_only=True)
        state = {key.removeprefix("module."): value for key, value in saved["model_state_dict"].items()}
        state.pop("bert.embeddings.position_ids", None)  # a buffer that newer versions do not save
        bert = transformers.BertModel(transformers.BertConfig(**_sizes(state)))
        self._model = CheXbertModel(bert, state["linear_heads.0.weight"].shape[1])
        self._model.load_state_dict(state)
        self._model.eval()
        # transformers 5 no longer lowers letters of its own accord, and the vocabulary has only small ones
        self.tokenizer = transformers.BertTokenizer(str(vocabulary), do_lower_case=True)

    @torch.no_grad()
    def codes(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """Label reports: codes ``(reports, 14)`` in the order of CheXpert's observations."""
        rows = []
        for start in range(0, len(texts), BATCH):
            batch = [" ".join(text.split()) for text in texts[start : start + BATCH]]
            tokens = self.tokenizer(
                batch, padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
            )
            logits = self._model(tokens["input_ids"], tokens["attention_mask"])
            rows.append(np.stack([CODES[head.argmax(dim=1).numpy()] for head in logits], axis=1))
        order = [HEADS.index(name) for name in FOURTEEN]
        return np.concatenate(rows)[:, order] if rows else np.zeros((0, len(HEADS)), np.int8)


def label(texts: list[str]) -> NDArray[np.int8]:
    """Label texts as the labeller "chexbert" does ``(texts, 14)``.

    Raises:
        FileNotFoundError: If there are no weights; the message says what to do.
    """
    return _reader(chexbert_folder()).codes(texts)


def fingerprint() -> str:
    """Return the SHA-256 of the weights that :func:`label` uses."""
    with (chexbert_folder() / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _reader(folder: Path) -> CheXbertReader:
    return CheXbertReader(folder / WEIGHTS, folder / VOCABULARY)


def _sizes(state: Mapping[str, Tensor]) -> dict[str, int]:
    words, size = state["bert.embeddings.word_embeddings.weight"].shape
    layers = {key.split(".")[3] for key in state if key.startswith("bert.encoder.layer.")}
    return {
        "vocab_size": words,
        "hidden_size": size,
        "num_hidden_layers": len(layers),
        "num_attention_heads": max(size // HEAD_WIDTH, 1),
        "intermediate_size": len(state["bert.encoder.layer.0.intermediate.dense.bias"]),
        "max_position_embeddings": len(state["bert.embeddings.position_embeddings.weight"]),
    }
