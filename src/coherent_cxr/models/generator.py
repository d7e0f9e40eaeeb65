"""The report generator: image encoder, sentence decoder, word decoder, end to end."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.encoder import ImageEncoder, Normalisation
from coherent_cxr.models.sentence_decoder import SentenceDecoder
from coherent_cxr.models.word_decoder import WordDecoder
from coherent_cxr.reports.vocabulary import Vocabulary


class TargetReports(NamedTuple):
    """Reports as they are trained on.

    Attributes:
        words: Word ids, each sentence closed by its end mark where it has one, padded,
            ``(batch, sentences, words)``.
        sentences: Number of sentences of each report ``(batch,)``, at least 1.
        stopped: Whether a report ended by its own stop signal (true for every reference; false for a sample
            that was cut at the longest length) ``(batch,)``.
    """

    words: Tensor
    sentences: Tensor
    stopped: Tensor


class TeacherForced(NamedTuple):
    """Scores of given reports, for the R sentences that exist among ``batch * sentences``.

    Attributes:
        word_logits: ``(R, words, vocabulary)``.
        targets: Word ids that should follow ``(R, words)``.
        word_mask: Which targets are real words or sentence ends ``(R, words)``.
        stop_logits: ``(batch, sentences)``.
        stop_targets: 1 at a report's last sentence, 0 before ``(batch, sentences)``.
        stop_mask: Which stop decisions were made: those up to the last sentence ``(batch, sentences)``.
        report: Index of the report of each of the R sentences ``(R,)``.
        attention: ``(R, words, K + 1)``.
    """

    word_logits: Tensor
    targets: Tensor
    word_mask: Tensor
    stop_logits: Tensor
    stop_targets: Tensor
    stop_mask: Tensor
    report: Tensor
    attention: Tensor


class ReportGenerator(nn.Module):
    """CNN-RNN-RNN report generator (Liu et al. 2019, section 3)."""

    def __init__(
        self, config: GeneratorConfig, vocabulary_size: int, normalisation: Normalisation | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = ImageEncoder(config.size, config.dropout, normalisation)
        self.sentence_decoder = SentenceDecoder(config.size)
        self.word_decoder = WordDecoder(vocabulary_size, config.size, config.attention_size, config.dropout)

    def forward(self, regions: Tensor, reports: TargetReports, inputs: Tensor | None = None) -> TeacherForced:
        """Score given reports word by word without any loop over sentences or words.

        Args:
            regions: Image regions V ``(batch, K, size)``.
            reports: The reports to score.
            inputs: Previous words to feed instead of the reports' own ``(R, words)`` (scheduled sampling).

        Returns:
            Logits, targets and masks; only sentences that exist are computed.
        """
        longest = reports.words.shape[1]
        topics, stop_logits = self.sentence_decoder(regions.mean(dim=1), longest)
        position = torch.arange(longest, device=regions.device)
        exists = position < reports.sentences.unsqueeze(1)  # (batch, sentences)
        report, sentence = exists.nonzero(as_tuple=True)
        targets = reports.words[report, sentence]
        if inputs is None:
            inputs = previous_words(targets)
        step = self.word_decoder(inputs, topics[report, sentence], regions[report])
        # An unknown word has no score of its own, so it is read as input and never asked for.
        word_mask = (targets != Vocabulary.pad_id) & (targets != Vocabulary.unk_id)
        is_last = position == (reports.sentences - 1).unsqueeze(1)
        return TeacherForced(
            word_logits=step.logits,
            targets=targets,
            word_mask=word_mask,
            stop_logits=stop_logits,
            stop_targets=(is_last & reports.stopped.unsqueeze(1)).float(),
            stop_mask=exists,
            report=report,
            attention=step.attention,
        )


def previous_words(targets: Tensor) -> Tensor:
    """Shift targets ``(R, words)`` right by one and put the sentence start in front."""
    start = torch.full_like(targets[:, :1], Vocabulary.bos_id)
    return torch.cat([start, targets[:, :-1]], dim=1)
