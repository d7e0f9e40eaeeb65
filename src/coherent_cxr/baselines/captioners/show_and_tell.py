"""Show and Tell (Vinyals et al. 2015): the image is the first word that one LSTM reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coherent_cxr.baselines.captioners.captioner import Captioner, CaptionerConfig, State, Unrolled
from coherent_cxr.reports.vocabulary import Vocabulary


class ShowAndTell(Captioner):
    """x_{-1} = W v_mean;  h_j = LSTM(E z_{j-1}, h_{j-1});  p_j = softmax(W_p h_j)."""

    def __init__(self, config: CaptionerConfig, vocabulary_size: int) -> None:
        super().__init__(config, vocabulary_size)
        self.image = nn.Linear(config.channels, config.size)
        self.lstm = nn.LSTM(config.size, config.size, batch_first=True)

    def begin(self, features: Tensor, randomness: torch.Generator) -> State:
        """Let the LSTM read the image."""
        return self.read_first(self.dropout(self.image(features.mean(dim=1))))

    def read_first(self, vector: Tensor) -> State:
        """Let the LSTM read a vector ``(rows, size)`` before any word; nothing is looked at later."""
        zero = torch.zeros_like(vector)
        nothing = zero[:0]
        return self.advance(vector, State(zero, zero, nothing, nothing, nothing, zero[:, :0]))

    def advance(self, embedded: Tensor, state: State) -> State:
        """Read one word."""
        before = (state.hidden.unsqueeze(0), state.cell.unsqueeze(0))
        _, (hidden, cell) = self.lstm(embedded.unsqueeze(1), before)
        return state._replace(hidden=hidden[0], cell=cell[0])

    def unroll(self, words: Tensor, features: Tensor, randomness: torch.Generator) -> Unrolled:
        """Read whole reports in one call: no step depends on the one before but through the LSTM."""
        start = torch.full_like(words[:, :1], Vocabulary.bos_id)
        embedded = self.dropout(self.embedding(torch.cat([start, words[:, :-1]], dim=1)))
        state = self.begin(features, randomness)
        outputs, _ = self.lstm(embedded, (state.hidden.unsqueeze(0), state.cell.unsqueeze(0)))
        return Unrolled(outputs, outputs, outputs[:, :, :0])
