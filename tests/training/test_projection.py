from __future__ import annotations

import numpy as np
import torch

from coherent_cxr.training.projection import start_at_principal_components


def features_with_spread(spread: list[float], images: int = 400) -> np.ndarray:
    """Mean features that differ along orthogonal directions by known standard deviations, around 0.5."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(1024, len(spread))))[0].T
    means = 0.5 + (rng.normal(size=(images, len(spread))) * spread) @ directions
    noise = rng.normal(size=(images, 4, 1024)) * 0.1
    return means[:, None] + noise - noise.mean(axis=1, keepdims=True)


def test_every_direction_in_which_images_differ_starts_equally_loud():
    features = features_with_spread([3.0, 1.0, 0.1])
    projection = torch.nn.Linear(1024, 3)
    start_at_principal_components(projection, features)
    projected = projection(torch.from_numpy(features).float()).mean(dim=1)
    torch.testing.assert_close(projected.mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    covariance = torch.cov(projected.T)
    torch.testing.assert_close(covariance, torch.eye(3), atol=1e-3, rtol=0)


def test_rounding_is_not_blown_up():
    torch.manual_seed(0)
    projection = torch.nn.Linear(1024, 8)
    weights = projection.weight.detach().clone()
    start_at_principal_components(projection, features_with_spread([1.0, 0.5]))
    assert torch.equal(projection.weight[2:], weights[2:])  # images differ in two directions only
    assert not torch.equal(projection.weight[:2], weights[:2])
    assert projection.weight.abs().max() < 10


def test_half_precision_features_give_nearly_the_same_start():
    features = features_with_spread([1.0, 0.5])
    one, other = torch.nn.Linear(1024, 2), torch.nn.Linear(1024, 2)
    start_at_principal_components(one, features)
    start_at_principal_components(other, features.astype(np.float16))
    ways = torch.nn.functional.cosine_similarity(one.weight, other.weight).abs()
    assert ways.min() > 0.999
