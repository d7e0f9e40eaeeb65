"""Sentence decoder: one topic vector and one stop signal per sentence (Liu et al. 2019, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SentenceState = tuple[Tensor, Tensor]
"""LSTM state after a sentence: hidden and cell, each ``(1, batch, size)``."""


class SentenceDecoder(nn.Module):
    """An LSTM over sentences, fed the mean image feature at every step.

    h_i, m_i = LSTM(v_mean; h_{i-1}, m_{i-1});  topic t_i = ReLU(W_t h_i + b_t);
    stop u_i = sigmoid(w_u h_i + b_u).
    A stop signal above one half at sentence i says that sentence i is the report's last.

    With feedback the input is v_mean + W_f e_{i-1}, where e_{i-1} is the mean word embedding of the sentence
    before. The paper's decoder does not see the sentences before: where reports differ in the order of their
    sentences, its likeliest sentence at one position is often the likeliest at the next as well.
    """

    def __init__(self, size: int, feedback: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(size, size, batch_first=True)
        self.topic = nn.Linear(size, size)
        self.stop = nn.Linear(size, 1)
        self.feedback = nn.Linear(size, size, bias=False) if feedback else None

    def forward(
        self, mean: Tensor, before: Tensor, state: SentenceState | None = None
    ) -> tuple[Tensor, Tensor, SentenceState]:
        """Run over sentences; the sentences before are given, so one fused call does all of them.

        Args:
            mean: Mean image feature ``(batch, size)``.
            before: Mean word embedding of the sentence before each ``(batch, sentences, size)``, zero before
                the first; only its shape matters without feedback.
            state: State after earlier sentences, or None at the first.

        Returns:
            Topics ``(batch, sentences, size)``, stop logits ``(batch, sentences)`` and the state.
        """
        inputs = mean.unsqueeze(1).expand_as(before)
        if self.feedback is not None:
            inputs = inputs + self.feedback(before)
        hidden, state = self.lstm(inputs.contiguous(), state)
        return torch.relu(self.topic(hidden)), self.stop(hidden).squeeze(-1), state
