"""Image encoder: DenseNet-121, its last feature map read as K regions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models import densenet121

from coherent_cxr.models.config import StudyInput

CHANNELS = 1024
"""Channels of DenseNet-121's last feature map."""

VIEWS = 2
"""Images of a study that are read together: frontal and lateral."""


class Normalisation(NamedTuple):
    """How grey values in [0, 1] become the network's input: ``(grey - mean) / std``, per input channel."""

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)


class Backbone(nn.Module):
    """DenseNet-121 up to its last feature map; the normalisation its weights expect travels with them."""

    mean: Tensor
    std: Tensor

    def __init__(self, normalisation: Normalisation | None = None) -> None:
        super().__init__()
        normalisation = normalisation or Normalisation()
        # channels last, as the pixels below
        self.features = densenet121(weights=None).features.to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(normalisation.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(normalisation.std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return region features.

        Args:
            images: Grey images, uint8 in 0..255, ``(batch, height, width)``.

        Returns:
            Features ``(batch, K, 1024)``; K is the number of 32 x 32 pixel fields, row by row.
        """
        grey = images.to(self.mean.dtype).div(255).unsqueeze(1)
        # (batch, 1, height, width) broadcasts to three channels here.
        pixels = ((grey - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        maps = torch.relu(self.features(pixels))
        # (batch, 1024, rows, columns) -> (batch, K, 1024)
        return maps.flatten(2).transpose(1, 2)


class LabelClassifier(nn.Module):
    """Backbone, mean over regions, one logit per observation: what the encoder is pretrained as."""

    def __init__(self, observations: int, normalisation: Normalisation | None = None) -> None:
        super().__init__()
        self.backbone = Backbone(normalisation)
        self.head = nn.Linear(CHANNELS, observations)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(batch, observations)`` for uint8 images ``(batch, height, width)``."""
        features: Tensor = self.backbone(images)
        logits: Tensor = self.head(features.float().mean(dim=1))
        return logits


class ImageEncoder(nn.Module):
    """Projection of backbone features to the generator's width: V = {v_1 .. v_K}; holds the backbone, too.

    ``per_study`` reads :data:`VIEWS` images of a study side by side, each with the learned embedding of its
    view. A study without one of the views has its other image in both places: the mean feature is then that
    image's own, and no mask is needed.
    """

    def __init__(
        self,
        size: int,
        dropout: float,
        study_input: StudyInput = "per_image",
        normalisation: Normalisation | None = None,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(normalisation)
        self.projection = nn.Linear(CHANNELS, size)
        self.dropout = nn.Dropout(dropout)
        self.view = nn.Embedding(VIEWS, size) if study_input == "per_study" else None

    def forward(self, features: Tensor, views: Tensor | None = None) -> Tensor:
        """Project backbone features to regions.

        Args:
            features: Of one image each ``(batch, K, 1024)``, or of a study's images
                ``(batch, VIEWS, K, 1024)``.
            views: View of each of a study's images, 0 frontal and 1 lateral ``(batch, VIEWS)``; by default
                all are frontal.

        Returns:
            Regions V ``(batch, K, size)``, or ``(batch, VIEWS * K, size)`` for ``per_study``.
        """
        regions: Tensor = self.projection(self.dropout(features.float()))
        if self.view is None:
            return regions
        if regions.dim() == 3:  # one image stands in both places
            regions = regions.unsqueeze(1).expand(-1, VIEWS, -1, -1)
        if views is None:
            views = torch.zeros(regions.shape[:2], dtype=torch.long, device=regions.device)
        regions = regions + self.view(views).unsqueeze(2)
        return regions.flatten(1, 2)
