"""What the neural baselines share: one LSTM over a flat word sequence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from coherent_cxr.baselines.captioners.sequences import CaptionBatch
from coherent_cxr.configuration import Settings, ShareBelowOne
from coherent_cxr.finite import require_finite
from coherent_cxr.reports.vocabulary import Vocabulary


class CaptionerConfig(Settings):
    """Sizes of the text-generating baselines; the same for all of them.

    Attributes:
        channels: Channels of the encoder's region features.
        size: Width of projected regions, word embeddings and LSTM state.
        attention_size: Width of the hidden layer that scores a region.
        dropout: Probability of dropping an activation.
        max_words: Longest report, in words and sentence ends.
    """

    channels: PositiveInt = 1024
    size: PositiveInt
    attention_size: PositiveInt
    dropout: ShareBelowOne
    max_words: PositiveInt


class State(NamedTuple):
    """Where a sequence stands.

    Attributes:
        hidden: LSTM output ``(rows, size)``.
        cell: LSTM memory ``(rows, size)``.
        regions: Projected regions ``(rows, K, size)``; empty for a system that does not look again.
        keys: What a region is found by ``(rows, K, attention_size)``; empty likewise.
        context: What was seen before the last word ``(rows, size)``; empty likewise.
        attention: Share of each region ``(rows, K)``; no columns for a system without attention.
    """

    hidden: Tensor
    cell: Tensor
    regions: Tensor
    keys: Tensor
    context: Tensor
    attention: Tensor


class Unrolled(NamedTuple):
    """States after each word: outputs and hidden ``(rows, words, size)``, attention ``(rows, words, K)``."""

    outputs: Tensor
    hidden: Tensor
    attention: Tensor


class Captioner(nn.Module, ABC):
    """A system that generates word by word; subclasses define how a sequence begins and how it goes on."""

    impossible: Tensor

    def __init__(self, config: CaptionerConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary_size, config.size, padding_idx=Vocabulary.pad_id)
        self.word = nn.Linear(config.size, vocabulary_size)
        self.dropout = nn.Dropout(config.dropout)
        impossible = torch.zeros(vocabulary_size, dtype=torch.bool)
        impossible[[Vocabulary.pad_id, Vocabulary.bos_id, Vocabulary.unk_id]] = True
        self.register_buffer("impossible", impossible, persistent=False)

    @abstractmethod
    def begin(self, features: Tensor, randomness: torch.Generator) -> State:
        """Return the state before the first word, from region features ``(rows, K, channels)``."""

    @abstractmethod
    def advance(self, embedded: Tensor, state: State) -> State:
        """Read one word per row, embedded ``(rows, size)``."""

    def output(self, embedded: Tensor, hidden: Tensor, context: Tensor) -> Tensor:
        """Return what the next word is predicted from, for one word or many; each ``(..., size)``."""
        return hidden

    def unroll(self, words: Tensor, features: Tensor, randomness: torch.Generator) -> Unrolled:
        """Read whole reports.

        Args:
            words: The reports ``(rows, words)``; each word is predicted from those before it.
            features: Region features ``(rows, K, channels)``.
            randomness: Source of randomness.
        """
        start = torch.full_like(words[:, :1], Vocabulary.bos_id)
        embedded = self.dropout(self.embedding(torch.cat([start, words[:, :-1]], dim=1)))
        state = self.begin(features, randomness)
        states = []
        for word in embedded.unbind(dim=1):  # the gradient of slices would be a sum of as many full tensors
            state = self.advance(word, state)
            states.append(state)
        hidden, context, attention = (
            torch.stack([getattr(state, part) for state in states], dim=1)
            for part in ("hidden", "context", "attention")
        )
        return Unrolled(self.output(embedded, hidden, context), hidden, attention)

    def word_loss(self, outputs: Tensor, words: Tensor) -> Tensor:
        """Mean cross-entropy in nats of the words that exist and are known."""
        counted = (words != Vocabulary.pad_id) & (words != Vocabulary.unk_id)
        logits = self.logits(outputs[counted])
        return functional.cross_entropy(logits, words[counted])

    def logits(self, outputs: Tensor) -> Tensor:
        """Score every word ``(..., vocabulary)``."""
        scores: Tensor = self.word(self.dropout(outputs))
        return scores.masked_fill(self.impossible, float("-inf"))

    def loss(self, batch: CaptionBatch, randomness: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Return what is minimised, and numbers to log (``word_loss`` at least)."""
        loss = self.word_loss(self.unroll(batch.words, batch.features, randomness).outputs, batch.words)
        return loss, {"word_loss": loss.item()}

    @torch.no_grad()
    def write(self, features: Tensor, randomness: torch.Generator) -> Tensor:
        """Generate one report per row, taking the likeliest word each time.

        Returns:
            Word ids, closed by two end tokens unless cut, padded ``(rows, words)``.

        Raises:
            NonFiniteError: If a feature, or the logit of a chosen word, is not finite.
        """
        require_finite(features, "The image features")
        rows = len(features)
        word = torch.full((rows,), Vocabulary.bos_id, device=features.device)
        before = torch.full_like(word, Vocabulary.eos_id)
        ended = torch.zeros(rows, dtype=torch.bool, device=features.device)
        state = self.begin(features, randomness)
        generated: list[Tensor] = []
        for place in range(self.config.max_words):
            embedded = self.embedding(word)
            state = self.advance(embedded, state)
            scores = self.logits(self.output(embedded, state.hidden, state.context))
            if place == 0:  # no report is empty
                scores[:, Vocabulary.eos_id] = float("-inf")
            likeliest = scores.argmax(dim=-1, keepdim=True)  # the place of a NaN, where there is one
            require_finite(scores.gather(-1, likeliest), "The logits of the words")
            word = likeliest.squeeze(-1).masked_fill(ended, Vocabulary.pad_id)
            generated.append(word)
            ended = ended | ((word == Vocabulary.eos_id) & (before == Vocabulary.eos_id))
            before = word
            if bool(ended.all()):
                break
        return torch.stack(generated, dim=1)
