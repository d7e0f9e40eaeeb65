"""Show, Attend and Tell (Xu et al. 2015) with soft attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coherent_cxr.baselines.captioners.captioner import Captioner, CaptionerConfig, State
from coherent_cxr.baselines.captioners.sequences import CaptionBatch
from coherent_cxr.reports.vocabulary import Vocabulary

ATTENTION_WEIGHT = 1.0
"""Weight of the doubly stochastic regularisation (Xu et al. 2015, section 4.2.1)."""


class ShowAttendAndTell(Captioner):
    """Before each word the LSTM's state chooses where to look.

    alpha_jk = softmax_k(w . tanh(W_v v_k + W_h h_{j-1}));  c_j = sigmoid(f h_{j-1}) * sum_k alpha_jk v_k;
    h_j = LSTM([E z_{j-1}; c_j], h_{j-1});  output E z_{j-1} + L_h h_j + L_z c_j (deep output, section 3.1.2).
    """

    def __init__(self, config: CaptionerConfig, vocabulary_size: int) -> None:
        super().__init__(config, vocabulary_size)
        self.project = nn.Linear(config.channels, config.size)
        self.first_hidden = nn.Linear(config.size, config.size)
        self.first_cell = nn.Linear(config.size, config.size)
        self.attend_region = nn.Linear(config.size, config.attention_size, bias=False)
        self.attend_hidden = nn.Linear(config.size, config.attention_size)
        self.attend_score = nn.Linear(config.attention_size, 1, bias=False)
        self.gate = nn.Linear(config.size, 1)
        self.lstm = nn.LSTMCell(2 * config.size, config.size)
        self.output_hidden = nn.Linear(config.size, config.size)
        self.output_context = nn.Linear(config.size, config.size)

    def begin(self, features: Tensor, randomness: torch.Generator) -> State:
        """Start from the mean region."""
        regions = self.dropout(self.project(features))
        mean = regions.mean(dim=1)
        hidden, cell = torch.tanh(self.first_hidden(mean)), torch.tanh(self.first_cell(mean))
        return State(hidden, cell, regions, self.attend_region(regions), mean, regions[:, :, 0])

    def advance(self, embedded: Tensor, state: State) -> State:
        """Look, then read one word."""
        query = self.attend_hidden(state.hidden).unsqueeze(1)
        # (rows, K, attention) -> (rows, K)
        scores = self.attend_score(torch.tanh(state.keys + query)).squeeze(-1)
        attention = torch.softmax(scores, dim=-1)
        seen = (attention.unsqueeze(1) @ state.regions).squeeze(1)
        context = torch.sigmoid(self.gate(state.hidden)) * seen
        hidden, cell = self.lstm(torch.cat([embedded, context], dim=-1), (state.hidden, state.cell))
        return state._replace(hidden=hidden, cell=cell, context=context, attention=attention)

    def output(self, embedded: Tensor, hidden: Tensor, context: Tensor) -> Tensor:
        """Join word, state and what was seen."""
        joined: Tensor = embedded + self.output_hidden(self.dropout(hidden)) + self.output_context(context)
        return joined

    def loss(self, batch: CaptionBatch, randomness: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Word loss, and each region should be looked at equally much over the whole report."""
        unrolled = self.unroll(batch.words, batch.features, randomness)
        words = self.word_loss(unrolled.outputs, batch.words)
        uneven = unevenness(unrolled.attention, batch.words)
        return words + ATTENTION_WEIGHT * uneven, {"word_loss": words.item(), "unevenness": uneven.item()}


def unevenness(attention: Tensor, words: Tensor) -> Tensor:
    """Mean over regions of (1 - K/T * sum over words of alpha)^2.

    Xu et al. write (1 - sum_t alpha_ti)^2; scaled by regions over words it is 0 for even attention, however
    long the report.

    Args:
        attention: ``(rows, words, K)``.
        words: Word ids, padding does not count ``(rows, words)``.
    """
    exists = (words != Vocabulary.pad_id).float()
    attended = torch.einsum("rwk,rw->rk", attention, exists)
    even = exists.sum(dim=1, keepdim=True) / attention.shape[-1]
    return (1 - attended / even.clamp_min(1e-9)).square().mean()
