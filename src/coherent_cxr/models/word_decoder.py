"""Word decoder with a visual sentinel (Liu et al. 2019, section 3.3; Lu et al. 2017)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from coherent_cxr.reports.vocabulary import Vocabulary

SMALLEST_OUTPUT_GATE = 1e-3
"""Below this the sentinel's tanh(m) = h / o is not divided out: the quotient would amplify rounding."""


class DecoderState(NamedTuple):
    """LSTM state between two calls: hidden and cell, each ``(rows, size)``."""

    hidden: Tensor
    cell: Tensor


class WordStep(NamedTuple):
    """Result of decoding: logits ``(rows, words, vocabulary)``, attention ``(rows, words, K + 1)``, state.

    The last attention column is the sentinel's share; a row sums to one.
    """

    logits: Tensor
    attention: Tensor
    state: DecoderState


class WordDecoder(nn.Module):
    """LSTM over [v_mean ; topic ; E z_{j-1}], attention over K regions and the sentinel, softmax over words.

    One row is one sentence. The same call serves a whole teacher-forced sentence and a single decoding step,
    so both compute the same numbers.
    """

    impossible: Tensor

    def __init__(self, vocabulary_size: int, size: int, attention_size: int, dropout: float) -> None:
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
        # Padding, sentence start and unknown are inputs only: the generator never writes them.
        impossible = torch.zeros(vocabulary_size, dtype=torch.bool)
        impossible[[Vocabulary.pad_id, Vocabulary.bos_id, Vocabulary.unk_id]] = True
        self.register_buffer("impossible", impossible, persistent=False)

    def forward(
        self, words: Tensor, topics: Tensor, regions: Tensor, state: DecoderState | None = None
    ) -> WordStep:
        """Decode one or more words of every row.

        Args:
            words: Previous word ids z_{j-1}, ``(rows, words)``; the first is the sentence start.
            topics: Topic vectors ``(rows, size)``.
            regions: Image regions V of each row ``(rows, K, size)``.
            state: State after earlier words, or None at a sentence's first word.

        Returns:
            Logits, attention and the state after the last word.
        """
        mean = regions.mean(dim=1)
        context = torch.cat([mean, topics], dim=-1).unsqueeze(1).expand(-1, words.shape[1], -1)
        # (rows, words, 3 * size)
        inputs = torch.cat([context, self.dropout(self.embedding(words))], dim=-1)
        first = state is None
        if state is None:
            zero = inputs.new_zeros(inputs.shape[0], self.size)
            state = DecoderState(zero, zero)
        start = (state.hidden.unsqueeze(0), state.cell.unsqueeze(0))
        hidden, (last_hidden, last_cell) = self.lstm(inputs, start)
        before = torch.cat([state.hidden.unsqueeze(1), hidden[:, :-1]], dim=1)  # h_{j-1}
        memory = self._squashed_memory(inputs, before, hidden)
        # s_j = sigmoid(W_x x_j + W_h h_{j-1}) * tanh(m_j)
        sentinel = torch.sigmoid(self.sentinel_input(inputs) + self.sentinel_hidden(before)) * memory
        attention = self._attention(hidden, sentinel, regions)
        # c_j = sum_k alpha_jk v_k + beta_j s_j
        glimpse = attention[..., :-1] @ regions + attention[..., -1:] * sentinel
        # p_j = softmax(W_p (c_j + h_j))
        logits = self.word(self.dropout(glimpse + hidden)).masked_fill(self.impossible, float("-inf"))
        if first:  # no sentence is empty
            ends = torch.zeros_like(logits, dtype=torch.bool)
            ends[:, 0, Vocabulary.eos_id] = True
            logits = logits.masked_fill(ends, float("-inf"))
        return WordStep(logits, attention, DecoderState(last_hidden.squeeze(0), last_cell.squeeze(0)))

    def _squashed_memory(self, inputs: Tensor, before: Tensor, hidden: Tensor) -> Tensor:
        # A fused LSTM keeps its cell states to itself. As h_j = o_j * tanh(m_j), recomputing the output gate
        # alone (a quarter of the LSTM's work, for all words at once) gives tanh(m_j) back.
        rows = slice(3 * self.size, 4 * self.size)  # PyTorch stacks the gates i, f, g, o
        gate = torch.sigmoid(
            nn.functional.linear(inputs, self.lstm.weight_ih_l0[rows], self.lstm.bias_ih_l0[rows])
            + nn.functional.linear(before, self.lstm.weight_hh_l0[rows], self.lstm.bias_hh_l0[rows])
        )
        return (hidden / gate.clamp_min(SMALLEST_OUTPUT_GATE)).clamp(-1, 1)

    def _attention(self, hidden: Tensor, sentinel: Tensor, regions: Tensor) -> Tensor:
        query = self.attend_hidden(hidden)  # (rows, words, attention)
        keys = self.attend_region(regions).unsqueeze(1)  # (rows, 1, K, attention)
        region_scores = self.attend_score(torch.tanh(keys + query.unsqueeze(2))).squeeze(-1)
        sentinel_score = self.attend_score(torch.tanh(self.attend_sentinel(sentinel) + query))
        return torch.softmax(torch.cat([region_scores, sentinel_score], dim=-1), dim=-1)
