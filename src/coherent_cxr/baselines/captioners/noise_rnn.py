"""Noise-RNN: a language model that starts from a random state and never sees the image."""

from __future__ import annotations

import torch
from torch import Tensor

from coherent_cxr.baselines.captioners.captioner import State
from coherent_cxr.baselines.captioners.show_and_tell import ShowAndTell


class NoiseRnn(ShowAndTell):
    """Show and Tell with a normally distributed vector in the image's place: h_0 = LSTM(noise)."""

    def begin(self, features: Tensor, randomness: torch.Generator) -> State:
        """Let the LSTM read noise; only the number of rows is taken from the features."""
        noise = torch.randn(len(features), self.config.size, generator=randomness, device=features.device)
        return self.read_first(noise)
