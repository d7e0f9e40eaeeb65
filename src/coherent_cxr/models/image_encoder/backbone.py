"""Image encoder: a convolutional network whose last feature map is read as K regions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coherent_cxr.models.config import StudyInput
from coherent_cxr.models.encoders.architecture import EncoderName, Normalisation, architecture
from coherent_cxr.models.image_encoder.prior import PriorEncoder, PriorInput

VIEWS = 2
"""Images of a study that are read together: frontal and lateral."""


class Backbone(nn.Module):
    """A convolutional network up to its last feature map, with the normalisation that its weights expect.

    Attributes:
        name: Name of the encoder.
        channels: Channels of a region's features.
        stride: Side of a region's field, in pixels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: EncoderName = "densenet121", normalisation: Normalisation | None = None) -> None:
        super().__init__()
        self.name = name
        described = architecture(name)
        self.channels, self.stride = described.channels, described.stride
        normalisation = normalisation or Normalisation()
        # channels last, as the pixels below
        self.features = described.build().to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(normalisation.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(normalisation.std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return region features.

        Args:
            images: Grey images ``(batch, height, width)``: uint8 in 0..255, or floats in 0..1.

        Returns:
            Features ``(batch, K, channels)``; K is the number of ``stride`` x ``stride`` pixel fields, row by
            row.
        """
        grey = (images if images.is_floating_point() else images.to(self.mean.dtype).div(255)).unsqueeze(1)
        # (batch, 1, height, width) broadcasts to three channels here.
        pixels = ((grey - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        maps: Tensor = self.features(pixels)
        # (batch, channels, rows, columns) -> (batch, K, channels)
        return maps.flatten(2).transpose(1, 2)

    def cells(self, side: int) -> int:
        """Return K of a square image of ``side`` pixels."""
        return (side // self.stride) ** 2


class LabelClassifier(nn.Module):
    """Backbone, mean over regions, one logit per label: what the encoder is pretrained as.

    Args:
        labels: Number of labels.
        backbone: The encoder.
        dropout: Probability of dropping a mean feature.
    """

    def __init__(self, labels: int, backbone: Backbone, dropout: float = 0.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.channels, labels)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(batch, labels)`` for images as :class:`Backbone` takes them."""
        return self.classify(self.backbone(images))

    def classify(self, features: Tensor) -> Tensor:
        """Return logits ``(batch, labels)`` for features ``(batch, K, channels)``."""
        logits: Tensor = self.head(self.dropout(features.float().mean(dim=1)))
        return logits


class ImageEncoder(nn.Module):
    """Projection of backbone features to the generator's width: V = {v_1 .. v_K}; holds the backbone, too.

    ``per_study`` reads :data:`VIEWS` images of a study side by side, each with the learned embedding of its
    view. A study without one of the views has its other image in both places: the mean feature is then that
    image's own, and no mask is needed. ``with_prior`` adds to the regions of one image what the image
    before has to say (:class:`~coherent_cxr.models.image_encoder.prior.PriorEncoder`).

    With label input, the label classifier's probabilities (of the image, or the mean of both) are projected
    and added to every region.
    """

    def __init__(
        self,
        size: int,
        dropout: float,
        study_input: StudyInput = "per_image",
        encoder: EncoderName = "densenet121",
        labels: int = 0,
        prior_words: int = 0,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(encoder)
        self.projection = nn.Linear(self.backbone.channels, size)
        self.dropout = nn.Dropout(dropout)
        self.view = nn.Embedding(VIEWS, size) if study_input == "per_study" else None
        with_prior = study_input == "with_prior"
        self.prior = PriorEncoder(self.backbone.channels, size, prior_words) if with_prior else None
        # the classifier keeps its pretrained weights
        self.labels = nn.Linear(self.backbone.channels, labels).requires_grad_(False) if labels else None
        self.of_labels = nn.Linear(labels, size) if labels else None

    def forward(
        self, features: Tensor, views: Tensor | None = None, prior: PriorInput | None = None
    ) -> Tensor:
        """Project backbone features to regions.

        Args:
            features: Of one image each ``(batch, K, channels)``, or of a study's images
                ``(batch, VIEWS, K, channels)``.
            views: View of each of a study's images, 0 frontal and 1 lateral ``(batch, VIEWS)``; by default
                all are frontal.
            prior: Of ``with_prior`` the studies before; by default there are none.

        Returns:
            Regions V ``(batch, K, size)``, or ``(batch, VIEWS * K, size)`` for ``per_study``.
        """
        regions: Tensor = self.projection(self.dropout(features.float()))
        if self.view is not None:
            if regions.dim() == 3:  # one image stands in both places
                regions = regions.unsqueeze(1).expand(-1, VIEWS, -1, -1)
            if views is None:
                views = torch.zeros(regions.shape[:2], dtype=torch.long, device=regions.device)
            regions = (regions + self.view(views).unsqueeze(2)).flatten(1, 2)
        if self.prior is not None:
            regions = self.prior(regions, prior)
        if self.labels is None or self.of_labels is None:
            return regions
        mean = features.float().mean(dim=-2)
        probabilities = torch.sigmoid(self.labels(mean if mean.dim() == 2 else mean.mean(dim=1)))
        label_features: Tensor = self.of_labels(probabilities)
        return regions + label_features.unsqueeze(1)
