"""Word decoder with a visual sentinel (Liu et al. 2019, section 3.3; Lu et al. 2017)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import PackedSequence

from coherent_cxr.models.packing import PackedTokens
from coherent_cxr.reports.vocabulary import Vocabulary

SMALLEST_OUTPUT_GATE = 1e-3
"""Below this the sentinel's tanh(m) = h / o is not divided out: the quotient would amplify rounding."""


class ImageContext(NamedTuple):
    """What the word decoder sees of each study, computed once.

    Attributes:
        regions: V ``(batch, K, size)``.
        keys: Regions as the attention compares them ``(batch, K, attention_size)``.
        mean: Mean region ``(batch, size)``.
    """

    regions: Tensor
    keys: Tensor
    mean: Tensor

    def of(self, chosen: Tensor) -> ImageContext:
        """Return the image of some studies, by index ``(studies,)``."""
        return ImageContext(*(tensor[chosen] for tensor in self))


class DecoderState(NamedTuple):
    """LSTM state of sentences being generated: hidden and cell, each ``(batch, rows, size)``."""

    hidden: Tensor
    cell: Tensor


class DecoderStepCache(NamedTuple):
    """Weights as decoding needs them: the LSTM's four gates and, behind them, the sentinel's.

    Attributes:
        words: What each word adds to the gates, before their nonlinearities ``(vocabulary, 5 * size)``.
        context: Weights of mean region and topic ``(5 * size, 2 * size)``.
        hidden: Weights of the hidden state ``(5 * size, size)``.
        bias: ``(5 * size,)``.
    """

    words: Tensor
    context: Tensor
    hidden: Tensor
    bias: Tensor

    def context_gates(self, topics: Tensor, image: ImageContext) -> Tensor:
        """Return what stays the same during a sentence on each topic, ``(batch, rows, 5 * size)``."""
        mean = image.mean.unsqueeze(1).expand_as(topics)
        return linear(torch.cat([mean, topics], dim=-1), self.context, self.bias)


class WordDecoder(nn.Module):
    """LSTM over [v_mean ; topic ; E z_{j-1}], attention over regions and sentinel, softmax over words."""

    impossible: Tensor
    end: Tensor
    finding_tokens: Tensor
    never_generated: Tensor
    malformed: Tensor

    def __init__(
        self,
        vocabulary_size: int,
        size: int,
        attention_size: int,
        dropout: float,
        finding_tokens: Collection[int] = (),
        never_generated: Collection[int] = (),
    ) -> None:
        super().__init__()
        self.size = size
        self.embedding = nn.Embedding(vocabulary_size, size, padding_idx=Vocabulary.pad_id)
        self.lstm = nn.LSTM(3 * size, size, batch_first=True)
        self.sentinel_input = nn.Linear(3 * size, size, bias=False)
        self.sentinel_hidden = nn.Linear(size, size, bias=False)
        self.attend_region = nn.Linear(size, attention_size, bias=False)
        self.attend_sentinel = nn.Linear(size, attention_size, bias=False)
        self.attend_hidden = nn.Linear(size, attention_size, bias=False)
        self.attend_score = nn.Linear(attention_size, 1, bias=False)
        self.word = nn.Linear(size, vocabulary_size)
        self.dropout = nn.Dropout(dropout)
        # Padding, sentence start and unknown are inputs only: the generator never emits them.
        impossible = torch.zeros(vocabulary_size, dtype=torch.bool)
        impossible[[Vocabulary.pad_id, Vocabulary.bos_id, Vocabulary.unk_id]] = True
        self.register_buffer("impossible", impossible, persistent=False)
        end = torch.zeros(vocabulary_size, dtype=torch.bool)
        end[Vocabulary.eos_id] = True
        self.register_buffer("end", end, persistent=False)
        for name, ids in (("finding_tokens", finding_tokens), ("never_generated", never_generated)):
            chosen = torch.zeros(vocabulary_size, dtype=torch.bool)
            chosen[sorted(ids)] = True
            self.register_buffer(name, chosen, persistent=False)
        self.decides_findings = bool(finding_tokens)
        # what makes no sentence: at its start, right behind a finding token, and inside
        inside = self.never_generated | self.finding_tokens
        malformed = torch.stack([self.never_generated, inside | end, inside])
        self.register_buffer("malformed", malformed, persistent=False)

    def encode_regions(self, regions: Tensor) -> ImageContext:
        """Prepare regions ``(batch, K, size)`` for decoding."""
        return ImageContext(regions, self.attend_region(regions), regions.mean(dim=1))

    def forward(
        self, previous: Tensor, topics: Tensor, image: ImageContext, packing: PackedTokens
    ) -> tuple[Tensor, Tensor]:
        """Score all words of given reports at once; only words that exist are computed.

        Args:
            previous: The word before each of the N words, the sentence start before a first one ``(N,)``.
            topics: Topic vectors ``(batch, sentences, size)``.
            image: What is seen of each study.
            packing: Where the N words stand.

        Returns:
            Logits ``(N, vocabulary)`` and attention ``(N, K + 1)``, the sentinel's share last.
        """
        # index_select, because the gradient of plain indexing adds up in no fixed order on several threads
        mean = image.mean.index_select(0, packing.report)
        topic = topics.flatten(0, 1).index_select(0, packing.report * topics.shape[1] + packing.sentence)
        # x_j = [v_mean ; topic ; E z_{j-1}], (N, 3 * size)
        inputs = torch.cat([mean, topic, self.dropout(self.embedding(previous))], dim=-1)
        packed, _ = self.lstm(PackedSequence(inputs.index_select(0, packing.packed), packing.packed_sizes))
        hidden = torch.empty_like(packed.data).index_copy(0, packing.packed, packed.data)
        # h_{j-1}: the word before in reading order, nothing before a sentence's first word.
        before = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])
        before = before.masked_fill(packing.begins.unsqueeze(-1), 0.0)
        memory = self._squashed_memory(inputs, before, hidden)
        # s_j = sigmoid(W_x x_j + W_h h_{j-1}) * tanh(m_j)
        sentinel = torch.sigmoid(self.sentinel_input(inputs) + self.sentinel_hidden(before)) * memory
        attention = self._shares(hidden, sentinel, image.keys.index_select(0, packing.report))
        # c_j = sum_k alpha_jk v_k + beta_j s_j; a report's words lie side by side, as they share its regions
        cells = (packing.report, packing.place)
        side_by_side = hidden.new_zeros(len(topics), int(packing.place.max()) + 1, image.keys.shape[1])
        seen = (side_by_side.index_put(cells, attention[:, :-1]) @ image.regions)[cells]
        logits = self._logits(seen + attention[:, -1:] * sentinel, hidden)
        # no sentence is empty; in place, as a copy of all logits takes longer than most of this pass
        logits[:, Vocabulary.eos_id].masked_fill_(packing.begins, float("-inf"))
        return logits, attention

    def step_cache(self) -> DecoderStepCache:
        """Prepare decoding, once per batch of reports; word inputs then have no dropout."""
        of_input, of_hidden, input_bias, hidden_bias = self.lstm.all_weights[0]
        inputs = torch.cat([of_input, self.sentinel_input.weight])
        return DecoderStepCache(
            words=linear(self.embedding.weight, inputs[:, 2 * self.size :]),
            context=inputs[:, : 2 * self.size],
            hidden=torch.cat([of_hidden, self.sentinel_hidden.weight]),
            bias=torch.cat([input_bias + hidden_bias, inputs.new_zeros(self.size)]),
        )

    def step(
        self,
        previous: Tensor,
        context_gates: Tensor,
        cache: DecoderStepCache,
        image: ImageContext,
        state: DecoderState | None,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Score the next word of sentences being generated.

        Args:
            previous: The word before ``(batch, rows)``.
            context_gates: From the cache, for these rows' topics ``(batch, rows, 5 * size)``.
            cache: From :meth:`step_cache`.
            image: What is seen of each study.
            state: State after the word before, or None at a sentence's first word.

        Returns:
            Logits ``(batch, rows, vocabulary)``, attention ``(batch, rows, K + 1)`` and the state.
        """
        gates = cache.words[previous] + context_gates
        first = state is None
        if state is None:
            state = DecoderState(*gates.new_zeros(2, *previous.shape, self.size))
        gates = gates + linear(state.hidden, cache.hidden)
        # PyTorch stacks the LSTM's gates i, f, g, o; the sentinel's is behind them.
        write, keep, candidate, output, look_away = gates.chunk(5, dim=-1)
        cell = torch.sigmoid(keep) * state.cell + torch.sigmoid(write) * torch.tanh(candidate)
        memory = torch.tanh(cell)
        hidden = torch.sigmoid(output) * memory
        sentinel = torch.sigmoid(look_away) * memory
        attention = self._shares(hidden, sentinel, image.keys.unsqueeze(1))
        glimpse = attention[..., :-1] @ image.regions + attention[..., -1:] * sentinel
        logits = self._logits(glimpse, hidden)
        if first:
            logits = logits.masked_fill(self.end, float("-inf"))
        return logits, attention, DecoderState(hidden, cell)

    def well_formed(self, logits: Tensor, previous: Tensor) -> Tensor:
        """Exclude what makes no sentence: a finding token that is not in front, an end right behind it, and
        words that are never generated.

        For greedy decoding and beam search; a sampled report may be malformed, so that its log-probability is
        that of the sampling. Training makes both unlikely within its first steps.

        Args:
            logits: Of the next word ``(batch, rows, vocabulary)``.
            previous: The word before ``(batch, rows)``.

        Returns:
            The logits with minus infinity where a word is excluded.
        """
        if not self.decides_findings:
            return self.without_never_generated(logits)
        place = 2 - 2 * (previous == Vocabulary.bos_id).long() - self.finding_tokens[previous].long()
        return logits.masked_fill(self.malformed[place], float("-inf"))

    def without_never_generated(self, logits: Tensor) -> Tensor:
        """Exclude words that training reads and learns but no report may hold: de-identification marks."""
        return logits.masked_fill(self.never_generated, float("-inf"))

    def _squashed_memory(self, inputs: Tensor, before: Tensor, hidden: Tensor) -> Tensor:
        # A fused LSTM keeps its cell states to itself. As h_j = o_j * tanh(m_j), recomputing the output gate
        # alone (a quarter of the LSTM's work, for all words at once) gives tanh(m_j) back.
        rows = slice(3 * self.size, 4 * self.size)
        of_input, of_hidden, input_bias, hidden_bias = (w[rows] for w in self.lstm.all_weights[0])
        gate = torch.sigmoid(linear(inputs, of_input, input_bias) + linear(before, of_hidden, hidden_bias))
        return (hidden / gate.clamp_min(SMALLEST_OUTPUT_GATE)).clamp(-1, 1)

    def _shares(self, hidden: Tensor, sentinel: Tensor, keys: Tensor) -> Tensor:
        # hidden and sentinel: (..., size), keys: (..., K, attention_size), shares: (..., K + 1)
        query = self.attend_hidden(hidden)
        region_scores = self.attend_score(torch.tanh(keys + query.unsqueeze(-2))).squeeze(-1)
        sentinel_score = self.attend_score(torch.tanh(self.attend_sentinel(sentinel) + query))
        return torch.softmax(torch.cat([region_scores, sentinel_score], dim=-1), dim=-1)

    def _logits(self, glimpse: Tensor, hidden: Tensor) -> Tensor:
        # p_j = softmax(W_p (c_j + h_j))
        bias = self.word.bias.masked_fill(self.impossible, float("-inf"))
        return linear(self.dropout(glimpse + hidden), self.word.weight, bias)
