"""Sentence decoder: one topic vector and one stop signal per sentence (Liu et al. 2019, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SentenceDecoder(nn.Module):
    """An LSTM over sentences, fed the mean image feature at every step.

    h_i, m_i = LSTM(v_mean; h_{i-1}, m_{i-1});  topic t_i = ReLU(W_t h_i + b_t);
    stop u_i = sigmoid(w_u h_i + b_u).
    A stop signal above one half at sentence i says that sentence i is the report's last.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(size, size, batch_first=True)
        self.topic = nn.Linear(size, size)
        self.stop = nn.Linear(size, 1)

    def forward(self, mean: Tensor, sentences: int) -> tuple[Tensor, Tensor]:
        """Unroll the decoder; topics do not depend on words, so one fused call does all sentences.

        Args:
            mean: Mean image feature ``(batch, size)``.
            sentences: Number of steps.

        Returns:
            Topics ``(batch, sentences, size)`` and stop logits ``(batch, sentences)``.
        """
        states, _ = self.lstm(mean.unsqueeze(1).expand(-1, sentences, -1).contiguous())
        return torch.relu(self.topic(states)), self.stop(states).squeeze(-1)
