"""What the study before, its image and perhaps its report, adds to the image regions of a study."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from coherent_cxr.reports.vocabulary import Vocabulary

INTERVALS: Final = (1.0, 2.0, 4.0, 8.0, 31.0, 92.0, 366.0)
"""Days at which the next time embedding begins: a day, some days, a week, a month, a quarter, a year."""


class PriorInput(NamedTuple):
    """The studies before.

    Attributes:
        features: Backbone features; of a study without a prior anything ``(batch, K, channels)``.
        days: Days since; negative where there is no prior ``(batch,)``.
        words: Word ids of their reports, only padding where there is none ``(batch, sentences, words)``;
            None where no report is read.
    """

    features: Tensor
    days: Tensor
    words: Tensor | None = None


class PriorReportEncoder(nn.Module):
    """Mean over a report's sentences of a GRU's state after each sentence's last word.

    It has its own word embedding. Sentences have no order here, as training may reorder them.
    """

    def __init__(self, vocabulary_size: int, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, size, padding_idx=Vocabulary.pad_id)
        self.gru = nn.GRU(size, size, batch_first=True)

    def forward(self, words: Tensor) -> Tensor:
        """Return a vector for each report ``(batch, size)``, zero for one without words.

        Args:
            words: Word ids, padded ``(batch, sentences, words)``.
        """
        batch, sentences, _ = words.shape
        # (batch, sentences, words) -> (batch * sentences, words)
        flat = words.flatten(0, 1)
        lengths = (flat != Vocabulary.pad_id).sum(dim=1)
        states, _ = self.gru(self.embedding(flat))
        last = states[torch.arange(len(flat), device=flat.device), (lengths - 1).clamp_min(0)]
        there = (lengths > 0).to(last.dtype).unsqueeze(1)
        total = (last * there).view(batch, sentences, -1).sum(dim=1)
        mean: Tensor = total / there.view(batch, sentences, 1).sum(dim=1).clamp_min(1)
        return mean


class PriorEncoder(nn.Module):
    """Compares each region with the same region of the prior image and with the prior's mean.

    To each region v_k it adds f(v_k, p_k, p_mean) + e(days), where p = W V_prior and f has one hidden layer;
    to those of a study without a prior the embedding of its absence alone. The number of regions stays:
    attention maps are those of the study's own image. f may read the prior's report, too.

    Args:
        channels: Of the backbone's features.
        size: Width of a region.
        words: Size of the vocabulary of the priors' reports; 0 reads none.
    """

    def __init__(self, channels: int, size: int, words: int = 0) -> None:
        super().__init__()
        self.projection = nn.Linear(channels, size)
        self.report = PriorReportEncoder(words, size) if words else None
        parts = 4 if words else 3
        self.compare = nn.Sequential(nn.Linear(parts * size, size), nn.ReLU(), nn.Linear(size, size))
        self.interval = nn.Embedding(len(INTERVALS) + 2, size)  # 0 is absence

    def forward(self, regions: Tensor, prior: PriorInput | None = None) -> Tensor:
        """Return regions with what has changed ``(batch, K, size)``.

        Args:
            regions: Regions of the studies' own images ``(batch, K, size)``.
            prior: The studies before; None where no study has any.
        """
        if prior is None:
            return regions + self.interval.weight[0]
        before: Tensor = self.projection(prior.features.float())
        mean = before.mean(dim=1, keepdim=True).expand_as(before)
        compared = [regions, before, mean]
        if self.report is not None:
            # without any report a study's own text must not stand in for it: zeros
            told = torch.zeros_like(mean[:, 0]) if prior.words is None else self.report(prior.words)
            compared.append(told.unsqueeze(1).expand_as(before))
        change: Tensor = self.compare(torch.cat(compared, dim=-1))
        absent = prior.days < 0
        edges = torch.tensor(INTERVALS, device=regions.device)
        which = (torch.bucketize(prior.days, edges, right=True) + 1).masked_fill(absent, 0)
        there = (~absent).float()[:, None, None]
        when: Tensor = self.interval(which)
        return regions + there * change + when.unsqueeze(1)
