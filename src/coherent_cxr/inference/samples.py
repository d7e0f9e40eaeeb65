"""Training samples: which image goes with which report, and reports as padded arrays."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import TargetReports
from coherent_cxr.reports.priors import Priors, priors_of
from coherent_cxr.reports.vocabulary import Vocabulary

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Samples:
    """One sample per image of a split, or one per study.

    Attributes:
        study_ids: Study of each sample.
        image_rows: Row of the image store of each sample ``(samples,)``; for ``per_study``, its frontal and
            its lateral image's rows ``(samples, VIEWS)``; for ``with_prior`` as :func:`rows_to_read` says.
        reports: References, padded to the longest, ``(samples, sentences, words)``.
    """

    study_ids: list[str]
    image_rows: NDArray[np.int64]
    reports: TargetReports

    def __len__(self) -> int:
        return len(self.study_ids)

    @property
    def digest(self) -> str:
        """SHA-256 over studies, rows and references, for a run's key."""
        digest = hashlib.sha256("\n".join(self.study_ids).encode())
        for array in (self.image_rows, *(tensor.numpy() for tensor in self.reports)):
            digest.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
        return digest.hexdigest()

    def batch(self, chosen: Sequence[int] | NDArray[np.int64]) -> TargetReports:
        """Return some reports, cut to their own longest sentence and report."""
        index = torch.from_numpy(np.asarray(chosen, dtype=np.int64))
        words, sentences = self.reports.words[index], self.reports.sentences[index]
        words = words[:, : int(sentences.max())]
        longest = int((words != Vocabulary.pad_id).sum(dim=-1).max())
        return TargetReports(words[..., :longest], sentences, self.reports.stopped[index])


def samples_of_split(
    encoded_reports: pd.DataFrame,
    store: ImageStore,
    split: str,
    config: GeneratorConfig,
    images_per_study: int | None = None,
) -> Samples:
    """Pair the reports of one split with their images.

    Every image is a sample of its own, as in the paper, or every study is one (``config.study_input``).

    Args:
        encoded_reports: Table with ``study_id``, ``split`` and ``sentences`` (lists of word ids), and perhaps
            ``prior_id`` and ``interval_days``.
        store: The prepared images; a study without one gives no sample, nor does a report without words.
        split: ``train``, ``validation`` or ``test``.
        config: Longest report and sentence; longer ones are cut and then carry no stop or end.
        images_per_study: Use only the first images of a study (1 for validation and test), frontal first;
            without effect for ``per_study``.

    Raises:
        ValueError: If no study of the split has both a report and an image.
    """
    of_split = encoded_reports[encoded_reports["split"] == split]
    study_ids: list[str] = []
    image_rows: list[NDArray[np.int64]] = []
    reports: list[list[list[int]]] = []
    wordless = 0
    priors = priors_of(encoded_reports)
    for study_id, encoded in zip(of_split["study_id"], of_split["sentences"], strict=True):
        sentences = [list(sentence) for sentence in encoded if len(sentence)]
        if not sentences:
            wordless += 1
            continue
        for row in rows_to_read(store, study_id, config, priors)[:images_per_study]:
            study_ids.append(study_id)
            image_rows.append(row)
            reports.append(sentences)
    if not study_ids:
        raise ValueError(
            f"No study of the split '{split}' has both a report and an image: {len(of_split)} reports "
            f"({wordless} of them without words) and {len(store.index)} images were given. Look at the image "
            "exclusions, or use more studies."
        )
    if wordless:
        logger.warning("%d reports of the split '%s' hold no words and are left out.", wordless, split)
    return Samples(study_ids, np.stack(image_rows), pad_reports(reports, config))


def rows_to_read(
    store: ImageStore, study_id: str, config: GeneratorConfig, priors: Priors | None = None
) -> NDArray[np.int64]:
    """Return what a study is read from, one row per sample.

    Args:
        store: The prepared images.
        study_id: The study.
        config: Says whether a sample is an image or a study.
        priors: The studies before, for ``with_prior``; by default no study has any.

    Returns:
        ``per_image``: rows of its images, frontal first ``(images,)``. ``per_study``: rows of its first
        frontal and first lateral image, of the other one where a view is missing ``(1, VIEWS)``.
        ``with_prior``: row of its first image, that of the prior's, and the hours between; -1 and -1 where
        there is no prior or it has no image ``(1, 3)``. Nothing for a study without images.
    """
    rows = np.asarray(store.rows_of_study(study_id), dtype=np.int64)
    if config.study_input == "per_image" or len(rows) == 0:
        return rows
    if config.study_input == "with_prior":
        prior = (priors or {}).get(study_id)
        before = store.rows_of_study(prior.study_id)[:1] if prior else []
        return np.array([[rows[0], *([before[0], round(prior.days * 24)] if prior and before else [-1, -1])]])
    lateral = is_lateral(store)[rows]
    # rows begin with the frontal images, so argmax finds the first of each view, or row 0 where there is none
    return np.array([[rows[np.argmax(~lateral)], rows[np.argmax(lateral)]]])


def is_lateral(store: ImageStore) -> NDArray[np.bool_]:
    """Return which of the stored images are lateral ``(images,)``; an unknown view counts as frontal."""
    lateral = np.zeros(len(store), dtype=np.bool_)
    lateral[store.index["row"].to_numpy()] = (store.index["view"] == "lateral").to_numpy()
    return lateral


def pad_reports(reports: Sequence[Sequence[Sequence[int]]], config: GeneratorConfig) -> TargetReports:
    """Pad word ids to ``(reports, sentences, words)``, closing each whole sentence with its end token."""
    counts = [min(len(report), config.max_sentences) for report in reports]
    longest = max((len(s) for report in reports for s in report[: config.max_sentences]), default=0)
    width = min(longest + 1, config.max_words)
    words = torch.full((len(reports), max([1, *counts]), width), Vocabulary.pad_id)
    for r, report in enumerate(reports):
        for s, sentence in enumerate(report[: config.max_sentences]):
            closed = [*sentence, Vocabulary.eos_id][:width]
            words[r, s, : len(closed)] = torch.tensor(closed)
    stopped = torch.tensor([len(report) <= config.max_sentences for report in reports])
    return TargetReports(words, torch.tensor(counts), stopped)


def batches_per_epoch(count: int, batch_size: int) -> int:
    """Return how many batches :func:`shuffled_batches` gives."""
    single_left = batch_size > 1 and count > batch_size and count % batch_size == 1
    return -(-count // batch_size) - single_left


def shuffled_batches(count: int, batch_size: int, generator: torch.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield all indices below ``count`` once, in random order, in batches.

    A last batch of one sample is merged into the batch before: batch normalisation needs two.
    """
    order = torch.randperm(count, generator=generator, device=generator.device).cpu().numpy()
    batches = batches_per_epoch(count, batch_size)
    for place in range(batches):
        end = count if place == batches - 1 else (place + 1) * batch_size
        yield order[place * batch_size : end]


def to_device(reports: TargetReports, device: torch.device) -> TargetReports:
    """Move a batch of reports to a device."""
    return TargetReports(*(tensor.to(device) for tensor in reports))


def images_to_tensor(store: ImageStore, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """Return stored images as uint8 ``(batch, height, width)``."""
    return torch.from_numpy(np.ascontiguousarray(store.pixels[rows])).to(device)
