"""Where the projection of image features starts: at their principal components."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

SMALLEST_SHARE = 1e-3
"""Components whose spread is below this share of the widest are left as they were: they are rounding."""


@torch.no_grad()
def start_at_principal_components(projection: nn.Linear, features: NDArray[np.floating]) -> None:
    """Let a projection begin as the whitened principal components of the images' mean features.

    A random projection passes on what all images share and, faintly, what tells them apart, and the decoders
    need many epochs to learn to listen. Whitened, every direction in which images differ starts equally loud,
    those of rare findings too.

    Args:
        projection: From 1024 channels to the generator's width; changed in place.
        features: Backbone features of the training images ``(images, K, 1024)``.

    Raises:
        ValueError: If there are less than two images.
    """
    if len(features) < 2:
        raise ValueError(
            f"The principal components of {len(features)} training image(s) do not exist. Set "
            "mle_training.projection to 'random', or use more studies."
        )
    means = np.stack([feature.astype(np.float64).mean(axis=0) for feature in features])
    centre = means.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(means - centre, rowvar=False))
    widest_first = np.argsort(variances)[::-1][: projection.out_features]
    spread = np.sqrt(np.maximum(variances[widest_first], 0))
    kept = spread > SMALLEST_SHARE * spread[0]
    weights = directions[:, widest_first[kept]].T / spread[kept, None]
    count = len(weights)
    projection.weight[:count] = torch.from_numpy(weights).to(projection.weight)
    projection.bias[:count] = torch.from_numpy(-weights @ centre).to(projection.bias)
