"""Validation during training: likelihood, and greedy reports as text and as labels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.codes import DEFAULT_TYPES, label_codes
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.features import FeatureProvider
from coherent_cxr.inference.samples import Samples, to_device
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import stop_log_probabilities, word_log_probabilities
from coherent_cxr.reports.repeats import repeat_rate, without_repeats
from coherent_cxr.reports.text import detokenize, metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD, ccr
from coherent_cxr.rewards.clinical.f1_means import f1_means
from coherent_cxr.training.mle.sentinel import sentinel_shares, tokens_of_findings


class SampleReferences(NamedTuple):
    """References in the samples' order: texts for metrics, label codes ``(samples, 14)``."""

    texts: list[str]
    labels: NDArray[np.int8]

    @property
    def digest(self) -> str:
        """SHA-256 over texts and labels."""
        return hashlib.sha256("\n".join(self.texts).encode() + self.labels.tobytes()).hexdigest()


def require_selectable(setting: str, select: str | None, validation: SampleReferences) -> None:
    """Refuse to choose an epoch by a number that the validation split cannot give.

    Args:
        setting: The setting that names the number.
        select: The number.
        validation: References of the validation split.

    Raises:
        ValueError: If it is ``macro_f1`` and too few references have positive labels.
    """
    positive = validation.labels == 1
    if select == "macro_f1" and select not in f1_means(positive, positive):
        raise ValueError(
            f"{setting} is 'macro_f1', but of {len(validation.texts)} validation reports only "
            f"{int(positive.any(axis=1).sum())} have a positive label, too few for an F1. Set it to "
            "'likelihood', or use more studies."
        )


def references_of(samples: Samples, findings: pd.DataFrame, labels: pd.DataFrame) -> SampleReferences:
    """Look up each sample's reference text and labels.

    Args:
        samples: The samples.
        findings: ``study_id`` and ``tokens``.
        labels: ``study_id`` and the 14 observations.
    """
    tokens = dict(zip(findings["study_id"], findings["tokens"], strict=True))
    rows = labels.set_index("study_id").loc[samples.study_ids]
    return SampleReferences(
        [metric_text(tokens[s]) for s in samples.study_ids], label_codes(rows, OBSERVATIONS)
    )


class ReportReader:
    """Turns written word ids into what rewards and metrics read: metric texts and label codes."""

    def __init__(self, vocabulary: Vocabulary, labeler: CheXpertLabeler) -> None:
        self.vocabulary = vocabulary
        self.labeler = labeler

    def texts(self, reports: TargetReports) -> list[list[list[str]]]:
        """Return the words of each sentence of each report."""
        return [[self.vocabulary.decode(s) for s in report] for report in word_ids(reports)]

    def labels(self, reports: list[list[list[str]]]) -> NDArray[np.int8]:
        """Return label codes ``(reports, 14)``."""
        return label_codes(self.labeler.label_many([detokenize(r) for r in reports]), OBSERVATIONS)


class ReadReports(NamedTuple):
    """Generated reports as they are judged.

    Attributes:
        texts: Texts for metrics ``(reports,)``.
        labels: Label codes ``(reports, 14)``.
        cider: CIDEr-D of each against its reference ``(reports,)``.
    """

    texts: list[str]
    labels: NDArray[np.int8]
    cider: NDArray[np.float64]


@dataclass
class Validator:
    """Computes the validation numbers of a generator on fixed samples.

    Texts and labels are of reports without repeated sentences, as evaluation judges them. ``macro_f1``
    and the other means of F1 are those of :mod:`coherent_cxr.rewards.clinical.f1_means`, uncertain and absent
    counted as not positive, and are missing where no label counts; ``ccr`` is the mean reward of eq. (1)
    per report, summed over types; ``positive_calls`` counts positive labels other than "No Finding";
    ``repeat_rate`` is the share of sentences that stand earlier in the same report, before their removal;
    ``sentinel`` is the mean share that the references' words behind a finding token leave to the sentinel.

    Attributes:
        samples: Validation samples.
        references: Their texts and labels.
        reader: Labels generated reports by the rules that labelled the references.
        cider: CIDEr-D with the training split's document frequencies.
        regions_of: Image regions of rows of the store.
        batch_size: Samples per batch.
        generated: The reports generated last.
    """

    samples: Samples
    references: SampleReferences
    reader: ReportReader
    cider: CiderD
    regions_of: FeatureProvider
    batch_size: int = 128
    generated: list[list[list[str]]] = field(init=False, default_factory=list)

    @property
    def digest(self) -> str:
        """SHA-256 over samples, references, the labeller's rules, document frequencies, for a run's key."""
        frequencies = json.dumps(self.cider.to_dict(), sort_keys=True)
        rules = self.reader.labeler.digest
        parts = (self.samples.digest, self.references.digest, rules, frequencies)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @torch.no_grad()
    def numbers(self, model: ReportGenerator) -> dict[str, float]:
        """Return losses, perplexity and the scores of greedy reports, which stay in ``generated``."""
        model.eval()
        device = next(model.parameters()).device
        # summed losses and their counts, of words and of stops
        totals = torch.zeros(4, dtype=torch.float64, device="cpu")
        tokens = tokens_of_findings(self.reader.vocabulary)
        away: list[Tensor] = []
        generated: list[list[list[str]]] = []
        for start in range(0, len(self.samples), self.batch_size):
            chosen = np.arange(start, min(start + self.batch_size, len(self.samples)))
            regions = self.regions_of(self.samples.image_rows[chosen])
            reports = to_device(self.samples.batch(chosen), device)
            scored = model(regions, reports)
            away.append(sentinel_shares(scored, reports.words, tokens).cpu())
            batch = (
                -word_log_probabilities(scored).sum(),
                scored.word_mask.sum(),
                -stop_log_probabilities(scored).sum(),
                scored.stop_mask.sum(),
            )
            totals += torch.stack([part.double() for part in batch]).cpu()
            generated += self.reader.texts(decode(model, regions).reports)
        self.generated = generated
        words, stop = float(totals[0] / totals[1].clamp_min(1)), float(totals[2] / totals[3].clamp_min(1))
        shares = torch.cat(away)
        return {
            **({"sentinel": float(shares.mean())} if len(shares) else {}),
            "word_loss": words,
            "stop_loss": stop,
            "likelihood": -(words + stop),
            "perplexity": float(np.exp(words)),
            **self.scores(generated),
        }

    def examples(self, count: int) -> list[dict[str, str]]:
        """Return the last reports of the first studies beside their references, as readable text."""
        return [
            {
                "study_id": self.samples.study_ids[i],
                "reference": self.references.texts[i],
                "written": detokenize(self.generated[i]),
            }
            for i in range(min(count, len(self.generated)))
        ]

    def read(self, reports: list[list[list[str]]]) -> ReadReports:
        """Read generated reports as they are judged, without repeated sentences."""
        shown = [without_repeats(report) for report in reports]
        texts = [metric_text(report) for report in shown]
        return ReadReports(texts, self.reader.labels(shown), self.cider.score(texts, self.references.texts))

    def scores(self, reports: list[list[list[str]]]) -> dict[str, float]:
        """Score reports against the references, repeats removed; ``repeat_rate`` is that before."""
        texts, labels, cider = self.read(reports)
        shown = [without_repeats(report) for report in reports]
        types = [OBSERVATIONS.index(name) for name in DEFAULT_TYPES]
        return {
            "cider": float(cider.mean()),
            **f1_means(labels == 1, self.references.labels == 1),
            "ccr": float(ccr(labels[:, types], self.references.labels[:, types]).sum(axis=1).mean()),
            "positive_calls": float((labels[:, types] == 1).sum()),
            "unique_reports": len(set(texts)) / len(texts),
            "repeat_rate": repeat_rate(reports),
            "sentences": float(np.mean([len(report) for report in shown])),
            "words": float(np.mean([sum(len(s) for s in report) for report in shown])),
        }
