"""One report generator behind the command line, the MLflow model and whatever else serves a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.images.reading.decode import SPARE, fit, read_radiograph
from coherent_cxr.images.reading.grey import Radiograph
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.images.reading.pictures import read_pixels
from coherent_cxr.inference.attention import WordAttention, attended_report, image_features, words_of
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.decider import OperatingPointError
from coherent_cxr.reports.text import detokenize

NOTICE = "For research only, not for clinical use. A radiologist has not read this report."
ImageSource = str | Path | bytes | Image.Image | NDArray[Any] | Radiograph
"""A PNG, JPEG or DICOM file or its bytes, a Pillow image, numbers (height, width), or one that was read."""


class SentenceFinding(NamedTuple):
    """The finding a sentence was generated for.

    Attributes:
        finding: The finding whose token the generator put in front of the sentence; None for a sentence that
            affirms none, and of a model without finding tokens.
        probability: That the image shows it, by the label classifier; None without one.
    """

    finding: str | None
    probability: float | None


@dataclass(frozen=True)
class Report:
    """A generated report.

    Attributes:
        text: Readable findings.
        sentences: The same, sentence by sentence.
        labels: CheXpert labels of the text: 1 positive, 0 negative, -1 uncertain, None absent.
        label_rules: Rule set of these labels.
        taught_by_rules: Rule set of the labels that the model was trained with, or "not recorded".
        notes: What is odd about the image, and whether it is unlike those of the training.
        attention: Words of each sentence, finding tokens included, with the share of attention on each region
            of the image and on the visual sentinel.
        image: The prepared grey image ``(size, size)`` the model read, under the attention maps.
        system: Name of the training that made the model, for example ``full``.
        operating_point: Whose thresholds decided what the report affirms; None if the words did.
        findings: Of each observation whether it was called by these thresholds; None likewise.
        probabilities: Of each observation, 0 to 1, calibrated on the validation split; None for a model
            without label classifier.
        sentence_findings: Of each sentence the finding that it was generated for, and its probability.
    """

    text: str
    sentences: list[str]
    labels: dict[str, int | None]
    label_rules: str
    taught_by_rules: str
    notes: tuple[Note, ...]
    attention: list[list[WordAttention]]
    image: NDArray[np.uint8]
    system: str
    operating_point: str | None = None
    findings: dict[str, bool] | None = None
    probabilities: dict[str, float] | None = None
    sentence_findings: tuple[SentenceFinding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what is shown of the report as plain JSON, the same by every way of serving."""
        return {
            "report": self.text,
            "sentences": self.sentences,
            "sentence_findings": [behind._asdict() for behind in self.sentence_findings],
            "labels": self.labels,
            "label_rules": self.label_rules,
            "taught_by_rules": self.taught_by_rules,
            "notes": [note.as_dict() for note in self.notes],
            "system": self.system,
            "operating_point": self.operating_point,
            "findings": self.findings,
            "probabilities": self.probabilities,
            "notice": NOTICE,
        }


class ReportWriter:
    """Writes reports with one model; images are prepared exactly as for its training.

    Args:
        bundle: The model.
        remove_repeats: Drop a sentence that stands earlier in the same report, as evaluation does.
        operating_point: Let the label classifier decide by these thresholds what the report affirms, for
            example ``balanced``; None lets the generator decide alone.

    Raises:
        OperatingPointError: If the model cannot follow decisions.
    """

    def __init__(
        self, bundle: ModelBundle, remove_repeats: bool = True, operating_point: str | None = None
    ) -> None:
        if operating_point is not None and (bundle.decider is None or not bundle.follows_decisions):
            raise OperatingPointError(
                "This model brings no decisions to follow: it was not registered with a label classifier, or "
                "was trained without finding tokens or sentence feedback. Leave the operating point out."
            )
        self.bundle = bundle
        self.operating_point = operating_point
        self.remove_repeats = remove_repeats
        self.labeler = shown_labeler()

    @cached_property
    def _model(self) -> Any:
        return self.bundle.build()

    @property
    def _check(self) -> SentenceCheck | None:
        # what a token promises is what its own rule set means by it
        same_rules = self.bundle.metadata.get("label_rules") == self.labeler.name
        if not same_rules or not self.bundle.vocabulary.finding_token_ids:
            return None
        return SentenceCheck(self.bundle.vocabulary, self.labeler)

    def write(self, source: ImageSource, name: str | None = None) -> Report:
        """Write the report of one radiograph.

        Args:
            source: The image; of a study with several, the frontal one.
            name: What error messages call the image; its path, or "the image", by default.

        Returns:
            The report with its labels, notes and attention.

        Raises:
            UnreadableImageError: If the image cannot be decoded or shows nothing; the message says why.
            OperatingPointError: If the model has no such operating point.
            NonFiniteError: If the model computes numbers that are not finite.
        """
        radiograph = prepared(source, self.bundle.image_size, name)
        image = radiograph.pixels
        features = image_features(self._model, image)
        called, probabilities = self._decided(image, features)
        attention = attended_report(
            self._model, self.bundle.vocabulary, features, image.shape[0], called, self._check
        )
        if self.remove_repeats:
            attention = _without_repeats(attention)
        sentences = words_of(attention)
        text = detokenize(sentences)
        return Report(
            text=text,
            sentences=[detokenize([sentence]) for sentence in sentences],
            labels=self.labeler.label(text),
            label_rules=self.labeler.name,
            taught_by_rules=str(self.bundle.metadata.get("label_rules", "not recorded")),
            notes=_once(*radiograph.notes, *self._checked(image, features.mean(dim=1).cpu().numpy())),
            attention=attention,
            image=image,
            system=str(self.bundle.metadata.get("system", "unknown")),
            operating_point=self.operating_point,
            findings=called,
            probabilities=probabilities,
            sentence_findings=tuple(_behind(sentence, probabilities or {}) for sentence in attention),
        )

    def _decided(
        self, image: NDArray[np.uint8], features: Tensor
    ) -> tuple[dict[str, bool] | None, dict[str, float] | None]:
        decider = self.bundle.decider
        if decider is None:
            return None, None
        pixels = torch.from_numpy(np.array(image)).unsqueeze(0).to(features.device)
        logits = decider.logits(self._model.encoder.backbone, pixels, features)
        called = None if self.operating_point is None else decider.called(logits, self.operating_point)
        return called, decider.probabilities(logits)

    def _checked(self, image: NDArray[np.uint8], feature: NDArray[np.float32]) -> tuple[Note, ...]:
        checks, known = self.bundle.image_checks, self.bundle.training_features
        notes = () if checks is None else checks.notes(image)
        if known is None:
            detail = (
                "The model does not say what its training images were like, so this one was not compared."
            )
            return (*notes, Note("not_compared", detail))
        distance = float(known.distance(feature)[0])
        if distance <= 1:
            return notes
        detail = (
            "The image is unlike those that this model was trained on: its features lie "
            f"{min(distance, 999):.1f} times as far from theirs as those of nearly all validation images. "
            "The report may be wrong altogether."
        )
        return (*notes, Note("unlike_training", detail))


def prepared(source: ImageSource, size: int, name: str | None = None) -> Radiograph:
    """Decode any accepted image by the rules that also prepare training images.

    Args:
        source: The image.
        size: Side of the square the model reads.
        name: What error messages call the image.

    Returns:
        Grey levels (size, size), with the reader's notes.

    Raises:
        UnreadableImageError: If it cannot be decoded, or shows nothing.
    """
    if isinstance(source, Radiograph):
        radiograph = source
    elif isinstance(source, str | Path | bytes):
        radiograph = read_radiograph(source, name, SPARE * size)
    else:
        radiograph = read_pixels(source, name or "The image")
    return radiograph._replace(pixels=fit(radiograph.pixels, size))


def _behind(sentence: Sequence[WordAttention], probabilities: Mapping[str, float]) -> SentenceFinding:
    marked = bool(sentence) and sentence[0].is_finding_token and sentence[0].word in OBSERVATIONS
    finding = sentence[0].word if marked else None
    return SentenceFinding(finding, probabilities.get(finding) if finding else None)


def _once(*notes: Note) -> tuple[Note, ...]:
    """Keep the first note of each code: tags and pixels may say the same."""
    first: dict[str, Note] = {}
    for note in notes:
        first.setdefault(note.code, note)
    return tuple(first.values())


def _without_repeats(sentences: list[list[WordAttention]]) -> list[list[WordAttention]]:
    words = words_of(sentences)
    return [sentence for i, sentence in enumerate(sentences) if words[i] not in words[:i]]
