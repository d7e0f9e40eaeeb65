"""Consensus decoding: of several sampled reports, the one that the others are most like.

Minimum Bayes risk decoding (Kumar and Byrne 2004) with samples for hypotheses and evidence alike (Eikema and
Aziz 2022): the report with the highest expected similarity to what the generator might as well have written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.configuration import Settings
from coherent_cxr.inference.decisions import DecidedFindings, Guidance
from coherent_cxr.inference.decoding import decode, without_repeats, word_ids
from coherent_cxr.inference.sentence_check import SentenceCheck
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.finding_tokens import mark_of
from coherent_cxr.reports.text import detokenize, metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD, bleu

Utility = Literal["cider", "bleu"]
Similarity = Callable[[Sequence[str], Sequence[str]], NDArray[np.float64]]
"""Scores candidates against one reference each, both as space-separated tokens ``(pairs,)``."""
GeneratedReport = list[list[int]]
"""Word ids of each sentence, finding tokens included."""


class ConsensusConfig(Settings):
    """How reports are chosen among samples.

    Attributes:
        systems: Rows of the results that are also written by consensus: a generator ("mle"), or one that
            follows decisions ("mle decided", "mle oracle").
        samples: Reports sampled per study.
        temperature: Of the sampling; below 1, samples are nearer to the greedy report.
        utility: What the samples are compared by: ``cider`` (CIDEr-D with the training split's document
            frequencies) or ``bleu`` (BLEU-4 of the single report).
        seed: Seed of the sampling.
        quality_at: Numbers of samples whose reports are scored on the validation split; may be empty.
    """

    systems: tuple[str, ...]
    samples: PositiveInt
    temperature: PositiveFloat
    utility: Utility
    seed: NonNegativeInt
    quality_at: tuple[PositiveInt, ...]

    def similarity(self, document_frequencies: CiderD) -> Similarity:
        """Return the function that compares two reports."""
        return document_frequencies.score if self.utility == "cider" else bleu


def most_agreed(
    texts: Sequence[Sequence[str]], disagreements: NDArray[np.int64], similarity: Similarity
) -> NDArray[np.int64]:
    """Choose one of each study's reports.

    Among the reports that disagree least with what was decided, the one with the highest mean similarity to
    all the other samples, those that disagree more included; the first of equals.

    Args:
        texts: Of each study its sampled reports, space-separated tokens ``(studies, samples)``.
        disagreements: How many findings of each report are not as decided ``(studies, samples)``.
        similarity: Compares a report with another one as its reference.

    Returns:
        Place of the chosen report ``(studies,)``.
    """
    studies, samples = disagreements.shape
    nearest = disagreements == disagreements.min(axis=1, keepdims=True)
    study, one, other = np.nonzero(nearest[:, :, None] & ~np.eye(samples, dtype=bool))
    flat = [text for own in texts for text in own]
    candidates, references = study * samples + one, study * samples + other
    scores = similarity([flat[i] for i in candidates.tolist()], [flat[i] for i in references.tolist()])
    total = np.bincount(candidates, weights=scores, minlength=studies * samples)
    chosen: NDArray[np.int64] = np.where(nearest, total.reshape(studies, samples), -np.inf).argmax(axis=1)
    return chosen


@dataclass(frozen=True)
class ConsensusWriter:
    """Samples reports and chooses among them.

    Attributes:
        config: Number of samples, temperature, utility.
        vocabulary: The generator's words.
        labeler: Reads which findings a sampled report affirms.
        similarity: Compares two reports.
        generator: Source of randomness, on the model's device.
        check: Chooses sentences of the samples again that do not say what their finding token promises.
    """

    config: ConsensusConfig
    vocabulary: Vocabulary
    labeler: CheXpertLabeler
    similarity: Similarity
    generator: torch.Generator
    check: SentenceCheck | None = None

    def write(
        self, model: ReportGenerator, regions: Tensor, guidance: Guidance | None, counts: Sequence[int]
    ) -> list[list[GeneratedReport]]:
        """Write one report per study, for each of several numbers of samples.

        The samples of a smaller number are the first ones of a larger number.

        Args:
            model: The generator in evaluation mode.
            regions: Image regions V ``(batch, K, size)``.
            guidance: What is known of the findings. Where they are decided, reports that do not affirm them
                are chosen only if no other sample is nearer to them.
            counts: Numbers of samples.

        Returns:
            Of each number of samples the chosen reports ``(counts, batch)``.
        """
        samples = max(counts)
        of_study = torch.arange(len(regions), device=regions.device).repeat_interleave(samples)
        written = decode(
            model,
            regions[of_study],
            "sample",
            self.generator,
            temperature=self.config.temperature,
            guidance=None if guidance is None else guidance.of(of_study),
            check=self.check,
        )
        flat = word_ids(written.reports)
        words = [without_repeats([self.vocabulary.decode(s) for s in report]) for report in flat]
        disagreements = self._disagreements(words, guidance).reshape(len(regions), samples)
        texts = np.array([metric_text(report) for report in words], dtype=object).reshape(-1, samples)
        chosen = []
        for count in counts:
            places = most_agreed(texts[:, :count].tolist(), disagreements[:, :count], self.similarity)
            chosen.append([flat[study * samples + place] for study, place in enumerate(places.tolist())])
        return chosen

    def _disagreements(
        self, reports: Sequence[list[list[str]]], decided: Guidance | None
    ) -> NDArray[np.int64]:
        """Count the findings of each report that are not as decided ``(reports,)``."""
        if not isinstance(decided, DecidedFindings):
            return np.zeros(len(reports), dtype=np.int64)
        ids = {name: self.vocabulary.id_of(mark_of(name)) for name in OBSERVATIONS}
        of_decision = {name: i for name, i in ids.items() if i is not None and bool(decided.tokens[i])}
        labels = self.labeler.label_many([detokenize(report) for report in reports])
        found = (labels[list(of_decision)] == 1).fillna(value=False).to_numpy(dtype=bool)
        wanted = decided.missing[:, list(of_decision.values())].cpu().numpy()  # (studies, findings)
        repeated = np.repeat(wanted, len(reports) // len(wanted), axis=0)
        return np.asarray((found != repeated).sum(axis=1), dtype=np.int64)
