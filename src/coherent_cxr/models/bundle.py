"""A trained generator as one folder: weights, vocabulary, preprocessing and configuration together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save_file
from torch import Tensor

from coherent_cxr.chexpert.observations import LabelSet, adopt_label_set, label_set
from coherent_cxr.chexpert.shown import from_bytes, to_bytes
from coherent_cxr.finite import require_finite_weights
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.decider import FindingDecider
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.manifest import BundleError, damaged, read_verified, write_manifest
from coherent_cxr.models.training_features import TrainingFeatures
from coherent_cxr.models.training_studies import TrainingStudies
from coherent_cxr.reports.vocabulary import Vocabulary

WEIGHTS, CONFIG, VOCABULARY = "model.safetensors", "config.json", "vocabulary.json"
FEATURES, CHECKS = "training_features.safetensors", "image_checks.json"
DECIDER = "label_classifier.safetensors"
STUDIES = "training_studies.safetensors"
LABELS = "labels.json"
MOST_BYTES = {
    WEIGHTS: 1 << 32,
    CONFIG: 1 << 20,
    VOCABULARY: 1 << 26,
    FEATURES: 1 << 26,
    CHECKS: 1 << 22,
    DECIDER: 1 << 32,
    STUDIES: 1 << 26,
    LABELS: 1 << 26,
}
IMAGE_SIZES = range(32, 4097)
ORDINARY_SIZE, ORDINARY_WORDS = 1024, 1 << 24
"""Largest width, and count of word embedding parameters, of a model that is built to check its weights."""
EARLIER = {
    "study_input": "per_image",
    "sentence_feedback": False,
    "label_input": False,
    "prior_report": False,
}
"""Settings that bundles of earlier versions do not name, and how their models were built."""


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
    """Everything that is needed to generate a report from an image.

    Attributes:
        config: Architecture.
        vocabulary: Words by id.
        image_size: Side of the square grey image the encoder was trained on, in pixels.
        weights: State of :class:`ReportGenerator` by parameter name.
        metadata: Where it comes from, as plain JSON: system, stage, data digests, notices.
        training_features: What the features of its training images look like, to recognise an image
            unlike them; None for a bundle that was not registered.
        image_checks: Checks of an image's pixels before the model reads it; None likewise.
        decider: Decides which findings an image shows, so that reports can be made to follow; None for a
            bundle that was not registered, or whose encoder is not the pretrained one.
        training_studies: Training studies to name beside a report; None where their corpus does not allow it,
            or nobody asked for it.
    """

    config: GeneratorConfig
    vocabulary: Vocabulary
    image_size: int
    weights: dict[str, Tensor]
    metadata: dict[str, Any] = field(default_factory=dict)
    training_features: TrainingFeatures | None = None
    image_checks: ImageChecks | None = None
    decider: FindingDecider | None = None
    training_studies: TrainingStudies | None = None

    def build(self) -> ReportGenerator:
        """Return the generator with its weights, in evaluation mode on the CPU.

        Raises:
            NonFiniteError: If a weight is NaN or infinite.
        """
        require_finite_weights(self.weights)
        model = ReportGenerator.of_vocabulary(self.config, self.vocabulary)
        model.load_state_dict(self.weights)
        return model.eval()

    @property
    def follows_decisions(self) -> bool:
        """Whether reports can be made to affirm decided findings: by finding tokens, one sentence a time."""
        return bool(self.vocabulary.finding_token_ids) and self.config.sentence_feedback

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        return weights_digest(self.weights)

    def save(self, folder: Path) -> None:
        """Write the bundle and its manifest into a folder; the same bundle gives the same bytes.

        Labels that are not CheXpert's, or not of English texts, go with it, and the rules for them.

        Raises:
            NonFiniteError: If a weight is NaN or infinite.
        """
        require_finite_weights(self.weights)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.detach().cpu().contiguous() for k, v in self.weights.items()}, folder / WEIGHTS)
        described = {
            "generator": self.config.model_dump(),
            "image_size": self.image_size,
            "metadata": self.metadata,
        }
        (folder / CONFIG).write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")
        (folder / VOCABULARY).write_text(json.dumps(self.vocabulary.to_dict(), ensure_ascii=False) + "\n")
        names = [WEIGHTS, CONFIG, VOCABULARY]
        if self.training_features is not None:
            save_file(self.training_features.tensors(), folder / FEATURES)
            names.append(FEATURES)
        if self.image_checks is not None:
            (folder / CHECKS).write_text(json.dumps(self.image_checks.as_dict()) + "\n")
            names.append(CHECKS)
        if self.decider is not None:
            save_file({k: v.cpu().contiguous() for k, v in self.decider.tensors().items()}, folder / DECIDER)
            names.append(DECIDER)
        if self.training_studies is not None:
            save_file(self.training_studies.tensors(), folder / STUDIES)
            names.append(STUDIES)
        if label_set() != LabelSet():
            (folder / LABELS).write_bytes(to_bytes(label_set()))
            names.append(LABELS)
        write_manifest(folder, names)

    @classmethod
    def load(cls, folder: Path) -> ModelBundle:
        """Read a bundle and check that its files are those that were saved, and fit each other.

        Raises:
            BundleError: If it has no manifest, a file is missing, changed or damaged, a number lies beyond
                its bounds, or the weights do not fit the configuration or are not finite.
        """
        contents = read_verified(folder, MOST_BYTES, (WEIGHTS, CONFIG, VOCABULARY))
        try:
            return cls._parse(contents)
        except BundleError:
            raise
        except Exception as error:  # the one place where a bundle's bytes are parsed: whatever they cause
            ours = isinstance(error, ValueError) and not isinstance(
                error, UnicodeError | json.JSONDecodeError
            )
            reason = str(error).rstrip(".") if ours else f"it cannot be parsed ({type(error).__name__})"
            raise damaged(folder, reason) from error

    @classmethod
    def _parse(cls, contents: Mapping[str, bytes]) -> ModelBundle:
        described = _json(contents[CONFIG])
        features, checks, decider = (contents.get(name) for name in (FEATURES, CHECKS, DECIDER))
        studies = contents.get(STUDIES)
        labels = contents.get(LABELS)
        adopt_label_set(LabelSet() if labels is None else from_bytes(labels))
        image_size, metadata = described["image_size"], described["metadata"]
        if type(image_size) is not int or image_size not in IMAGE_SIZES:
            raise ValueError(
                f"its image_size is {image_size!r:.50}; it must be a whole number of pixels between "
                f"{IMAGE_SIZES[0]} and {IMAGE_SIZES[-1]}"
            )
        if not isinstance(metadata, dict):
            raise ValueError("its metadata is no mapping")
        bundle = cls(
            config=GeneratorConfig(**{**EARLIER, **described["generator"]}),
            vocabulary=Vocabulary.from_dict(_json(contents[VOCABULARY])),
            image_size=image_size,
            weights=load(contents[WEIGHTS]),
            metadata=metadata,
            training_features=None if features is None else TrainingFeatures.from_tensors(load(features)),
            image_checks=None if checks is None else ImageChecks.from_dict(_json(checks)),
            decider=None if decider is None else FindingDecider.from_tensors(load(decider)),
            training_studies=None if studies is None else TrainingStudies.from_tensors(load(studies)),
        )
        bundle._check_fit()
        require_finite_weights(bundle.weights)
        return bundle

    def _check_fit(self) -> None:
        """Compare names and shapes of the weights with what the configuration asks for.

        A large model is not built for that. One of ordinary size is, as the device "meta" imports PyTorch's
        compiler, which takes longer than all else of loading.
        """
        widest = max(self.config.size, self.config.attention_size)
        ordinary = widest <= ORDINARY_SIZE and len(self.vocabulary) * widest <= ORDINARY_WORDS
        with torch.random.fork_rng(devices=[]), torch.device("cpu" if ordinary else "meta"):
            model = ReportGenerator.of_vocabulary(self.config, self.vocabulary)
        if self.decider is not None and self.decider.weight.shape[1] != model.encoder.backbone.channels:
            raise ValueError(
                f"its label classifier reads {self.decider.weight.shape[1]} channels, its encoder has "
                f"{model.encoder.backbone.channels}"
            )
        known = self.training_studies
        if known is not None and known.features.shape[1] != model.encoder.backbone.channels:
            raise ValueError(
                f"its training studies have {known.features.shape[1]} channels, its encoder has "
                f"{model.encoder.backbone.channels}"
            )
        expected = {name: _form(tensor) for name, tensor in model.state_dict().items()}
        given = {name: _form(tensor) for name, tensor in self.weights.items()}
        for name in sorted(expected.keys() | given.keys()):
            if expected.get(name) != given.get(name):
                raise ValueError(
                    f"its weights '{name[:100]}' are {given.get(name, 'missing')}, but its configuration and "
                    f"vocabulary ask for {expected.get(name, 'none')}"
                )


def _form(tensor: Tensor) -> tuple[tuple[int, ...], bool]:
    return tuple(tensor.shape), tensor.is_floating_point()


def _json(content: bytes) -> Any:
    return json.loads(content, parse_constant=_no_number)


def _no_number(text: str) -> None:
    raise ValueError(f"it holds {text}, which is no number in JSON")
