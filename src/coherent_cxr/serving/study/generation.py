"""Reports of prepared studies, many at a time: the one path from pixels to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.inference.attention import attended_reports, image_features
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.decider import OperatingPointError
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.repeats import first_ones
from coherent_cxr.reports.sections import mark_of
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.word_attention import WordAttention, words_of
from coherent_cxr.serving.report import Report, SentenceFinding
from coherent_cxr.serving.study.prior import PreparedPrior, prior_input

ENCODED = 16
"""Most images that are encoded together."""


class PreparedImage(NamedTuple):
    """An image as the model reads it.

    Attributes:
        pixels: Grey levels ``(size, size)``.
        is_lateral: Whether it is a lateral view.
        notes: Notes of its reader and of the image checks.
        name: What its notes are marked with; empty where the study has no other image.
    """

    pixels: NDArray[np.uint8]
    is_lateral: bool = False
    notes: tuple[Note, ...] = ()
    name: str = ""


class PreparedStudy(NamedTuple):
    """The images that a report rests on.

    Attributes:
        read: What the report is generated from: an image, the one under the attention maps, and for a
            generator of whole studies perhaps one of the other view.
        scored: Further images that the label classifier scores.
        prior: The study before, for a generator that reads it; None where there is none.
    """

    read: tuple[PreparedImage, ...]
    scored: tuple[PreparedImage, ...] = ()
    prior: PreparedPrior | None = None


class Generated(NamedTuple):
    """A report, and what else was computed on the way.

    Attributes:
        report: The report.
        feature: Mean features of the first image ``(channels,)``.
    """

    report: Report
    feature: NDArray[np.float32]


class StudyGenerator:
    """Generates reports of prepared studies, several in one batch.

    Args:
        bundle: The model.
        remove_repeats: Drop a sentence that stands earlier in the same report, as evaluation does.
        operating_point: Let the label classifier decide by these thresholds what reports affirm.

    Raises:
        OperatingPointError: If the model cannot follow decisions.
    """

    def __init__(
        self, bundle: ModelBundle, remove_repeats: bool = True, operating_point: str | None = None
    ) -> None:
        _require_decisions(bundle, operating_point)
        self.bundle = bundle
        self.operating_point = operating_point
        self.remove_repeats = remove_repeats
        self.labeler = shown_labeler()

    @cached_property
    def model(self) -> ReportGenerator:
        """The generator, on the accelerator if there is one."""
        return self.bundle.build().to("cuda" if torch.cuda.is_available() else "cpu")

    def at(self, operating_point: str | None) -> StudyGenerator:
        """Return a generator at another operating point; both use the same model, which is built once.

        Raises:
            OperatingPointError: If the model cannot follow decisions.
        """
        _require_decisions(self.bundle, operating_point)
        _ = self.model
        other = copy(self)
        other.operating_point = operating_point
        return other

    @cached_property
    def _check(self) -> SentenceCheck | None:  # kept, as it remembers what sentences say
        # what a token promises is what its own rule set means by it
        same_rules = self.bundle.metadata.get("label_rules") == self.labeler.name
        if not same_rules or not self.bundle.vocabulary.finding_token_ids:
            return None
        return SentenceCheck(self.bundle.vocabulary, self.labeler)

    @torch.no_grad()
    def generate(self, studies: Sequence[PreparedStudy]) -> list[Generated]:
        """Write a report of each study.

        Args:
            studies: At least one, each with at least one image.

        Returns:
            Reports in the same order. Of a study alone or among others they are the same, but for rounding of
            probabilities and attention in the last digits.

        Raises:
            OperatingPointError: If the model has no such operating point.
            NonFiniteError: If the model computes numbers that are not finite, of any of the studies.
        """
        needed = [study.read + (study.scored if self.bundle.decider is not None else ()) for study in studies]
        pixels = np.stack([image.pixels for images in needed for image in images])
        parts = [
            image_features(self.model, pixels[at : at + ENCODED]) for at in range(0, len(pixels), ENCODED)
        ]
        # of each study (images, K, channels)
        features = _split(torch.cat(parts), [len(images) for images in needed])
        means = [own.mean(dim=1).cpu().numpy() for own in features]
        called, probabilities = self._decided(pixels, features)
        attended = attended_reports(
            self.model,
            self.bundle.vocabulary,
            *self._read(studies, features),
            called=called,
            check=self._check,
            prior=prior_input(
                self.model,
                self.bundle.vocabulary,
                torch.stack([own[0] for own in features]),
                [study.prior for study in studies],
                ENCODED,
            ),
        )
        return [
            self._generated(study, means[place], attended[place], called, probabilities, place)
            for place, study in enumerate(studies)
        ]

    def _read(
        self, studies: Sequence[PreparedStudy], features: Sequence[Tensor]
    ) -> tuple[Tensor, int, Tensor | None]:
        """Return features of what is read, the images' size, and their views."""
        size = studies[0].read[0].pixels.shape[0]
        if self.bundle.config.study_input != "per_study":
            return torch.stack([own[0] for own in features]), size, None
        # without an image of the other view the one there is stands in both places, as in training
        places = [(0, len(study.read) - 1) for study in studies]
        both = torch.stack([own[list(place)] for own, place in zip(features, places, strict=True)])
        views = [
            [int(study.read[at].is_lateral) for at in place]
            for study, place in zip(studies, places, strict=True)
        ]
        return both, size, torch.tensor(views, device=both.device)

    def _decided(
        self, pixels: NDArray[np.uint8], features: Sequence[Tensor]
    ) -> tuple[list[dict[str, bool]] | None, list[dict[str, float]] | None]:
        decider = self.bundle.decider
        if decider is None:
            return None, None
        images = torch.from_numpy(pixels).to(features[0].device)
        scores: list[Tensor] = []
        every = torch.cat(list(features))
        for at in range(0, len(images), ENCODED):
            part = slice(at, at + ENCODED)
            scores.append(decider.logits(self.model.encoder.backbone, images[part], every[part]))
        of_studies = _split(torch.cat(scores), [len(own) for own in features])
        logits = [own.mean(dim=0) for own in of_studies]
        point = self.operating_point
        called = None if point is None else [decider.called(own, point) for own in logits]
        return called, [decider.probabilities(own) for own in logits]

    def _generated(
        self,
        study: PreparedStudy,
        means: NDArray[np.float32],
        attention: list[list[WordAttention]],
        called: Sequence[dict[str, bool]] | None,
        probabilities: Sequence[dict[str, float]] | None,
        place: int,
    ) -> Generated:
        if self.remove_repeats:
            attention = [attention[one] for one in first_ones(words_of(attention))]
        mark = mark_of(words_of(attention))
        attention = [sentence for sentence in attention if words_of([sentence])[0]]
        sentences = words_of(attention)
        text = detokenize(sentences)
        own = None if probabilities is None else probabilities[place]
        known = self.bundle.training_features
        far = None if known is None else [float(known.distance(mean[np.newaxis])[0]) for mean in means]
        report = Report(
            text=text,
            sentences=[detokenize([sentence]) for sentence in sentences],
            labels=self.labeler.label(text),
            label_rules=self.labeler.name,
            taught_by_rules=str(self.bundle.metadata.get("label_rules", "not recorded")),
            notes=tuple(
                note
                for of_study, image in enumerate(study.read)
                for note in _notes(image, None if far is None else far[of_study])
            ),
            attention=attention,
            image=study.read[0].pixels,
            system=str(self.bundle.metadata.get("system", "unknown")),
            operating_point=self.operating_point,
            findings=None if called is None else called[place],
            probabilities=own,
            sentence_findings=tuple(_behind(sentence, own or {}) for sentence in attention),
            target=str(self.bundle.metadata.get("target", "findings")),
            impression_from=mark,
            distance=None if far is None else max(far[: len(study.read)]),
        )
        return Generated(report, means[0])


def _notes(image: PreparedImage, distance: float | None) -> tuple[Note, ...]:
    """Return the notes on an image, its distance from the training images among them."""
    notes = _once(*image.notes, *_compared(distance))
    if not image.name:
        return notes
    return tuple(Note(note.code, f"{image.name}: {note.detail}") for note in notes)


def _compared(distance: float | None) -> tuple[Note, ...]:
    if distance is None:
        detail = "The model does not say what its training images were like, so this one was not compared."
        return (Note("not_compared", detail),)
    if distance <= 1:
        return ()
    how_far = "a little farther from theirs than"
    if distance >= 1.05:  # so that no "1.0 times as far" is said
        how_far = f"{min(distance, 999):.1f} times as far from theirs as"
    detail = (
        f"The image is unlike those that this model was trained on: its features lie {how_far} those of "
        "nearly all validation images. The report may be wrong altogether."
    )
    return (Note("unlike_training", detail),)


def _require_decisions(bundle: ModelBundle, operating_point: str | None) -> None:
    if operating_point is not None and (bundle.decider is None or not bundle.follows_decisions):
        raise OperatingPointError(
            "This model brings no decisions to follow: it was not registered with a label classifier, or "
            "was trained without finding tokens or sentence feedback. Leave the operating point out."
        )


def _split(rows: Tensor, counts: Sequence[int]) -> list[Tensor]:
    ends = np.cumsum(counts).tolist()
    return [rows[end - count : end] for end, count in zip(ends, counts, strict=True)]


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
