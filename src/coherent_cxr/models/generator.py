"""The report generator: image encoder, sentence decoder, word decoder, end to end."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.image_encoder.backbone import ImageEncoder
from coherent_cxr.models.packing import PackedTokens, counted_words, pack_tokens
from coherent_cxr.models.sentence_decoder import SentenceDecoder
from coherent_cxr.models.word_decoder import WordDecoder
from coherent_cxr.reports.vocabulary import Vocabulary


class TargetReports(NamedTuple):
    """Reports as they are trained on.

    Attributes:
        words: Word ids, each sentence closed by its end token where it has one, padded,
            ``(batch, sentences, words)``.
        sentences: Number of sentences of each report ``(batch,)``, at least 1.
        stopped: Whether a report ended by its own stop signal (true for every reference; false for a sample
            that was cut at the longest length) ``(batch,)``.
    """

    words: Tensor
    sentences: Tensor
    stopped: Tensor


class TeacherForced(NamedTuple):
    """Scores of given reports, for their N words in reading order; there is no padding among them.

    Attributes:
        word_logits: ``(N, vocabulary)``.
        targets: Target word ids ``(N,)``.
        word_mask: Which targets are asked for; unknown words are not ``(N,)``.
        stop_logits: ``(batch, sentences)``.
        stop_targets: 1 at the last sentence of a report that stopped itself, else 0 ``(batch, sentences)``.
        stop_mask: Which stop decisions were made: those up to the last sentence ``(batch, sentences)``.
        attention: ``(N, K + 1)``, the sentinel's share last; a row sums to one.
        packing: Where each word stands.
    """

    word_logits: Tensor
    targets: Tensor
    word_mask: Tensor
    stop_logits: Tensor
    stop_targets: Tensor
    stop_mask: Tensor
    attention: Tensor
    packing: PackedTokens


class ReportGenerator(nn.Module):
    """CNN-RNN-RNN report generator (Liu et al. 2019, section 3)."""

    def __init__(
        self,
        config: GeneratorConfig,
        vocabulary_size: int,
        finding_tokens: Collection[int] = (),
        never_generated: Collection[int] = (),
    ) -> None:
        super().__init__()
        self.config = config
        labels = len(OBSERVATIONS) if config.label_input else 0
        prior_words = vocabulary_size if config.prior_report else 0
        self.encoder = ImageEncoder(
            config.size, config.dropout, config.study_input, config.encoder, labels, prior_words
        )
        self.sentence_decoder = SentenceDecoder(config.size, config.sentence_feedback)
        self.word_decoder = WordDecoder(
            vocabulary_size,
            config.size,
            config.attention_size,
            config.dropout,
            finding_tokens,
            never_generated,
        )

    @classmethod
    def of_vocabulary(cls, config: GeneratorConfig, vocabulary: Vocabulary) -> ReportGenerator:
        """Return a new generator of a vocabulary's words."""
        ids = vocabulary.finding_token_ids, vocabulary.deidentified_ids
        return cls(config, len(vocabulary), *ids)

    def forward(self, regions: Tensor, reports: TargetReports, read: Tensor | None = None) -> TeacherForced:
        """Score given reports word by word without any loop over sentences or words.

        Args:
            regions: Image regions V ``(batch, K, size)``.
            reports: The reports to score.
            read: Words to read instead of the reports' own, in the same places (scheduled sampling)
                ``(batch, sentences, words)``.

        Returns:
            Logits, targets and masks; only words that exist are computed.
        """
        packing = pack_tokens(reports.words, reports.sentences)
        read = reports.words if read is None else read
        image = self.word_decoder.encode_regions(regions)
        previous_sentence = self.sentence_embedding(read, packing.counted)
        before = torch.cat([torch.zeros_like(previous_sentence[:, :1]), previous_sentence[:, :-1]], dim=1)
        topics, stop_logits, _ = self.sentence_decoder(image.mean, before)
        logits, attention = self.word_decoder(previous_words(read)[packing.counted], topics, image, packing)
        targets = reports.words[packing.counted]
        position = torch.arange(reports.words.shape[1], device=regions.device)
        is_last = position == (reports.sentences - 1).unsqueeze(1)
        return TeacherForced(
            word_logits=logits,
            targets=targets,
            # An unknown word has no score of its own, so it is input only, never a target.
            word_mask=targets != Vocabulary.unk_id,
            stop_logits=stop_logits,
            stop_targets=(is_last & reports.stopped.unsqueeze(1)).float(),
            stop_mask=position < reports.sentences.unsqueeze(1),
            attention=attention,
            packing=packing,
        )

    def sentence_embedding(self, words: Tensor, counted: Tensor | None = None) -> Tensor:
        """Return what the sentence decoder reads of generated sentences: their mean word embedding.

        Args:
            words: Padded word ids ``(batch, sentences, words)``.
            counted: Which of them belong to a report; by default all up to each sentence's end.

        Returns:
            ``(batch, sentences, size)``; zeros for an empty sentence and for a decoder without feedback.
        """
        if self.sentence_decoder.feedback is None:
            return self.word_decoder.embedding.weight.new_zeros(*words.shape[:2], self.config.size)
        if counted is None:
            every = torch.full_like(words[:, 0, 0], words.shape[1])
            counted = counted_words(words, every)
        weights = (counted & (words != Vocabulary.eos_id)).float()
        embedded: Tensor = self.word_decoder.embedding(words)  # (batch, sentences, words, size)
        total = (weights.unsqueeze(-2) @ embedded).squeeze(-2)
        return total / weights.sum(dim=-1, keepdim=True).clamp_min(1)


def previous_words(words: Tensor) -> Tensor:
    """Shift words ``(batch, sentences, words)`` right by one and put the sentence start in front."""
    start = torch.full_like(words[..., :1], Vocabulary.bos_id)
    return torch.cat([start, words[..., :-1]], dim=-1)
