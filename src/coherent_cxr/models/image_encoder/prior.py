"""What the study before adds to the image regions of a study."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

INTERVALS: Final = (1.0, 2.0, 4.0, 8.0, 31.0, 92.0, 366.0)
"""Days at which the next time embedding begins: a day, some days, a week, a month, a quarter, a year."""


class PriorImages(NamedTuple):
    """The images of the studies before.

    Attributes:
        features: Backbone features; of a study without a prior anything ``(batch, K, channels)``.
        days: Days since; negative where there is no prior ``(batch,)``.
    """

    features: Tensor
    days: Tensor


class PriorEncoder(nn.Module):
    """Compares each region with the same region of the prior image and with the prior's mean.

    To each region v_k it adds f(v_k, p_k, p_mean) + e(days), where p = W V_prior and f has one hidden layer;
    to those of a study without a prior the embedding of its absence alone. The number of regions stays:
    attention maps are those of the study's own image.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(channels, size)
        self.compare = nn.Sequential(nn.Linear(3 * size, size), nn.ReLU(), nn.Linear(size, size))
        self.interval = nn.Embedding(len(INTERVALS) + 2, size)  # 0 is absence

    def forward(self, regions: Tensor, prior: PriorImages | None = None) -> Tensor:
        """Return regions with what has changed ``(batch, K, size)``.

        Args:
            regions: Regions of the studies' own images ``(batch, K, size)``.
            prior: The images before; None where no study has any.
        """
        if prior is None:
            return regions + self.interval.weight[0]
        before: Tensor = self.projection(prior.features.float())
        mean = before.mean(dim=1, keepdim=True).expand_as(before)
        change: Tensor = self.compare(torch.cat([regions, before, mean], dim=-1))
        absent = prior.days < 0
        edges = torch.tensor(INTERVALS, device=regions.device)
        which = (torch.bucketize(prior.days, edges, right=True) + 1).masked_fill(absent, 0)
        there = (~absent).float()[:, None, None]
        when: Tensor = self.interval(which)
        return regions + there * change + when.unsqueeze(1)
