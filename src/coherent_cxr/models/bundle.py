"""A trained generator as one folder: weights, vocabulary, preprocessing and configuration together."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.vocabulary import Vocabulary

WEIGHTS, CONFIG, VOCABULARY = "model.safetensors", "config.json", "vocabulary.json"


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors, the same for the same names, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class ModelBundle:
    """Everything that is needed to write a report from an image.

    Attributes:
        config: Architecture.
        vocabulary: Words by id.
        image_size: Side of the square grey image the encoder was trained on, in pixels.
        weights: State of :class:`ReportGenerator` by parameter name.
        metadata: Where it comes from, as plain JSON: system, stage, data digests, notices.
    """

    config: GeneratorConfig
    vocabulary: Vocabulary
    image_size: int
    weights: dict[str, Tensor]
    metadata: dict[str, Any] = field(default_factory=dict)

    def build(self) -> ReportGenerator:
        """Return the generator with its weights, in evaluation mode on the CPU."""
        model = ReportGenerator(self.config, len(self.vocabulary), marks=self.vocabulary.mark_ids)
        model.load_state_dict(self.weights)
        return model.eval()

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        return weights_digest(self.weights)

    def save(self, folder: Path) -> None:
        """Write the bundle into a folder; the same bundle gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.detach().cpu().contiguous() for k, v in self.weights.items()}, folder / WEIGHTS)
        described = {
            "generator": dataclasses.asdict(self.config),
            "image_size": self.image_size,
            "metadata": self.metadata,
        }
        (folder / CONFIG).write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")
        (folder / VOCABULARY).write_text(json.dumps(self.vocabulary.to_dict(), ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: Path) -> ModelBundle:
        """Read a bundle.

        Raises:
            FileNotFoundError: If a file of the bundle is missing; the message names it.
        """
        for name in (WEIGHTS, CONFIG, VOCABULARY):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"'{folder}' is not a model bundle: '{name}' is missing. Name a folder written by a "
                    "training stage, or run `kedro run --pipelines mle_training` to make one."
                )
        described = json.loads((folder / CONFIG).read_text())
        return cls(
            config=GeneratorConfig(**described["generator"]),
            vocabulary=Vocabulary.from_dict(json.loads((folder / VOCABULARY).read_text())),
            image_size=described["image_size"],
            weights=load_file(folder / WEIGHTS),
            metadata=described["metadata"],
        )
