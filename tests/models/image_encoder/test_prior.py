"""What a prior adds to regions."""

from __future__ import annotations

import torch

from coherent_cxr.models.image_encoder.prior import INTERVALS, PriorEncoder, PriorImages


def test_each_interval_has_an_embedding_of_its_own_and_absence_has_one():
    encoder = PriorEncoder(channels=3, size=4)
    with torch.no_grad():
        encoder.interval.weight.copy_(torch.arange(9.0).unsqueeze(1).expand(9, 4))
        encoder.compare[2].weight.zero_()
        encoder.compare[2].bias.zero_()
    days = torch.tensor([-1.0, 0.0, 0.99, *INTERVALS, 5000.0])
    features = torch.randn(len(days), 2, 3)
    added = encoder(torch.zeros(len(days), 2, 4), PriorImages(features, days))[:, 0, 0]
    assert added.tolist() == [0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8]


def test_nothing_of_an_absent_prior_is_read():
    encoder = PriorEncoder(channels=3, size=4)
    regions, features = torch.randn(2, 5, 4), torch.randn(2, 5, 3)
    absent = torch.tensor([-1.0, -1.0])
    first, second = (encoder(regions, PriorImages(own, absent)) for own in (features, features + 100))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, encoder(regions))
    present = encoder(regions, PriorImages(features, torch.tensor([-1.0, 1.0])))
    torch.testing.assert_close(present[0], first[0])
    assert not torch.allclose(present[1], first[1])
