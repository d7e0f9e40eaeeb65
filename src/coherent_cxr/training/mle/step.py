"""One step of likelihood training."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.codes import DEFAULT_TYPES, label_codes
from coherent_cxr.inference.decoding import word_ids
from coherent_cxr.inference.features import FeatureProvider
from coherent_cxr.inference.samples import Samples, batches_per_epoch, to_device
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.likelihood import sampled_words, stop_log_probabilities, word_log_probabilities
from coherent_cxr.models.packing import counted_words
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.engine.schedule import one_cycle
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.coverage import coverage
from coherent_cxr.training.mle.sentinel import sentinel_shares, words_behind_findings
from coherent_cxr.training.mle.unlikelihood import unlikelihood


class MleStep:
    """Loss of a batch: word cross-entropy and stop cross-entropy (Liu et al. 2019, section 3.4).

    Both are summed over the batch and divided by its reports times the training set's mean (weighted) count
    of words, or of stop decisions, per report. So the loss of a batch is the mean of those of its parts,
    whatever their lengths, and processes that share a batch take the step that one process would take.
    With ``sentinel_weight`` the mean share that words behind a finding token leave to the sentinel is added,
    in the same way, with ``unlikelihood_weight`` what words of earlier sentences cost, per word, and with
    ``coverage_weight`` what attending to the same regions again costs, per sentence.

    Args:
        config: The stage's settings.
        model: The generator.
        train: The training samples.
        regions_of: Image regions of rows of the store.
        sentence_weights: From :func:`sentence_weights`.
        tokens: Ids of the tokens of findings.
        free_to_repeat: Ids of words that may stand in several sentences: all finding tokens.
    """

    def __init__(
        self,
        config: MleTrainingConfig,
        model: ReportGenerator,
        train: Samples,
        regions_of: FeatureProvider,
        sentence_weights: Tensor,
        tokens: Sequence[int] = (),
        free_to_repeat: Collection[int] = (),
    ) -> None:
        self.config = config
        self.model = model
        self.train = train
        self.regions_of = regions_of
        words, sentences = train.reports.words, train.reports.sentences
        counted = counted_words(words, sentences) & (words != Vocabulary.unk_id)
        self.sentence_weights = sentence_weights
        self.words_per_report = float((counted.sum(dim=-1) * sentence_weights).sum()) / len(train)
        self.stops_per_report = float(sentences.sum()) / len(train)
        self.tokens = tokens
        self.free_to_repeat = torch.tensor(sorted(free_to_repeat), dtype=torch.int64, device="cpu")
        self.looks_per_report = words_behind_findings(train, tokens) / len(train)

    def epoch(self, step: int) -> int:
        """Return the epoch of a step, from 0."""
        return step // batches_per_epoch(len(self.train), self.config.batch_size)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        config = self.config
        if config.schedule == "halving":
            return config.learning_rate * 0.5 ** (self.epoch(step) // config.halve_every)
        steps = config.epochs * batches_per_epoch(len(self.train), config.batch_size)
        return config.learning_rate * one_cycle(step / steps, warm_up=0.1)

    def sampling(self, step: int) -> float:
        """Return the chance of reading a sampled word instead of the reference's (scheduled sampling)."""
        grown = self.epoch(step) // self.config.sampling_every
        return min(self.config.sampling_step * grown, 1.0)

    def __call__(
        self, step: int, chosen: NDArray[np.int64], randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of some samples and its parts, in nats per word and per stop decision."""
        self.model.train()
        if self.config.encoder == "frozen" or self.config.batch_norm == "frozen":
            self.model.encoder.backbone.eval()
        device = next(self.model.parameters()).device
        reports = to_device(self.train.batch(chosen), device)
        regions = self.regions_of(self.train.image_rows[chosen])
        chance, read = self.sampling(step), None
        if chance > 0:
            with torch.no_grad():
                read = sampled_words(self.model(regions, reports), reports.words, chance, randomness)
        scored = self.model(regions, reports, read)
        packing = scored.packing
        weights = self.sentence_weights[torch.from_numpy(chosen)].to(device)[packing.report, packing.sentence]
        words = -(weights * word_log_probabilities(scored)).sum() / (self.words_per_report * len(chosen))
        stop = -stop_log_probabilities(scored).sum() / (self.stops_per_report * len(chosen))
        loss = self.config.word_weight * words + self.config.stop_weight * stop
        parts = {"word_loss": words.item(), "stop_loss": stop.item(), "sampling": chance}
        if self.config.sentinel_weight and self.looks_per_report:
            away = sentinel_shares(scored, reports.words, self.tokens).sum()
            away = away / (self.looks_per_report * len(chosen))
            loss = loss + self.config.sentinel_weight * away
            parts["sentinel"] = away.item()
        if self.config.unlikelihood_weight:
            repeated = unlikelihood(scored, reports.words, self.free_to_repeat).sum()
            repeated = repeated / (self.words_per_report * len(chosen))
            loss = loss + self.config.unlikelihood_weight * repeated
            parts["unlikelihood"] = repeated.item()
        if self.config.coverage_weight:
            again = coverage(scored).sum() / (self.stops_per_report * len(chosen))
            loss = loss + self.config.coverage_weight * again
            parts["coverage"] = again.item()
        return loss, parts


def sentence_weights(
    samples: Samples, vocabulary: Vocabulary, finding_weight: float, labeler: CheXpertLabeler
) -> Tensor:
    """Weigh the sentences that affirm a finding against the others.

    Args:
        samples: The training samples.
        vocabulary: Words by id.
        finding_weight: Weight of a sentence that affirms the finding which most sentences affirm. One that
            n times fewer affirm weighs sqrt(n) times as much; of several findings in a sentence the rarest
            counts. 1 weighs all sentences alike.
        labeler: Says what a sentence affirms.

    Returns:
        Weights ``(samples, sentences)``, 1 where there is no finding or no sentence.
    """
    weights = torch.ones(samples.reports.words.shape[:2])
    if finding_weight == 1:
        return weights
    reports = [[detokenize([vocabulary.decode(s)]) for s in report] for report in word_ids(samples.reports)]
    place_of: dict[str, int] = {}
    places = [[place_of.setdefault(text, len(place_of)) for text in report] for report in reports]
    affirmed = label_codes(labeler.label_many(list(place_of)), DEFAULT_TYPES) == 1
    occurrences = np.bincount([place for report in places for place in report], minlength=len(place_of))
    counts = occurrences @ affirmed  # sentences that affirm each finding
    of_finding = finding_weight * np.sqrt(counts.max() / np.maximum(counts, 1))
    of_text = np.where(affirmed, of_finding, 1.0).max(axis=1)
    for sample, report in enumerate(places):
        weights[sample, : len(report)] = torch.from_numpy(of_text[report]).float()
    return weights
