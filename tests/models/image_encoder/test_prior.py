"""What a prior adds to regions."""

from __future__ import annotations

import math

import pytest
import torch

from coherent_cxr.models.image_encoder.prior import INTERVALS, PriorEncoder, PriorInput, PriorReportEncoder


def test_each_interval_has_an_embedding_of_its_own_and_absence_has_one():
    encoder = PriorEncoder(channels=3, size=4)
    with torch.no_grad():
        encoder.interval.weight.copy_(torch.arange(9.0).unsqueeze(1).expand(9, 4))
        encoder.compare[2].weight.zero_()
        encoder.compare[2].bias.zero_()
    days = torch.tensor([-1.0, 0.0, 0.99, *INTERVALS, 5000.0])
    features = torch.randn(len(days), 2, 3)
    added = encoder(torch.zeros(len(days), 2, 4), PriorInput(features, days))[:, 0, 0]
    assert added.tolist() == [0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8]


def test_nothing_of_an_absent_prior_is_read():
    encoder = PriorEncoder(channels=3, size=4)
    regions, features = torch.randn(2, 5, 4), torch.randn(2, 5, 3)
    absent = torch.tensor([-1.0, -1.0])
    first, second = (encoder(regions, PriorInput(own, absent)) for own in (features, features + 100))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, encoder(regions))
    present = encoder(regions, PriorInput(features, torch.tensor([-1.0, 1.0])))
    torch.testing.assert_close(present[0], first[0])
    assert not torch.allclose(present[1], first[1])


def words(*reports: list[list[int]]) -> torch.Tensor:
    """Pad word ids to two sentences of three words."""
    padded = torch.zeros(len(reports), 2, 3, dtype=torch.long)
    for place, report in enumerate(reports):
        for number, sentence in enumerate(report):
            padded[place, number, : len(sentence)] = torch.tensor(sentence)
    return padded


def test_a_report_is_the_mean_of_what_its_sentences_end_in_and_none_is_zero():
    encoder = PriorReportEncoder(vocabulary_size=7, size=1)
    with torch.no_grad():
        encoder.embedding.weight.copy_(torch.arange(7.0).unsqueeze(1))
        for parameter in encoder.gru.parameters():
            parameter.zero_()
        encoder.gru.weight_ih_l0[2] = 0.1  # candidate state: a tenth of the word ...
        encoder.gru.bias_ih_l0[1] = -100  # ... which replaces the whole state
    own = words([[4, 5], [6]], [[6], [4, 5]], [[5]], [])
    expected = [math.tanh(0.5), math.tanh(0.6), 0.0]
    found = encoder(own)[:, 0].tolist()
    assert found == pytest.approx([(expected[0] + expected[1]) / 2] * 2 + [expected[0], expected[2]])


def test_the_report_of_an_absent_prior_is_not_read_and_that_of_a_present_one_is():
    torch.manual_seed(0)
    encoder = PriorEncoder(channels=3, size=4, words=7)
    regions, features = torch.randn(2, 5, 4), torch.randn(2, 5, 3)
    days = torch.tensor([-1.0, 1.0])
    clear, effusion = words([[4], [5]], [[4], [5]]), words([[6]], [[6]])
    first, second = (encoder(regions, PriorInput(features, days, own)) for own in (clear, effusion))
    assert torch.equal(first[0], second[0])
    assert not torch.allclose(first[1], second[1])
    silent = encoder(regions, PriorInput(features, days, torch.zeros_like(clear)))
    torch.testing.assert_close(silent, encoder(regions, PriorInput(features, days)))


def test_what_only_the_report_of_the_prior_says_is_learnt():
    torch.manual_seed(0)
    encoder = PriorEncoder(channels=3, size=4, words=7)
    regions, features, days = torch.zeros(2, 1, 4), torch.zeros(2, 1, 3), torch.ones(2)
    prior = PriorInput(features, days, words([[4, 5], [6]], [[4, 6], [5]]))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-2)
    for _ in range(100):
        loss = torch.nn.functional.mse_loss(encoder(regions, prior)[:, 0, 0], torch.tensor([1.0, -1.0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.01
