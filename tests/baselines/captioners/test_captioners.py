"""The neural text-generating baselines: what they see, how they write, and the parts of TieNet by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from coherent_cxr.baselines.captioners.captioner import Captioner, CaptionerConfig
from coherent_cxr.baselines.captioners.sequences import CaptionBatch, flatten, pad_sequences, unflatten
from coherent_cxr.baselines.captioners.show_attend_and_tell import unevenness
from coherent_cxr.baselines.captioners.tienet import TieNet
from coherent_cxr.baselines.registry import SYSTEMS
from coherent_cxr.finite import NonFiniteError
from coherent_cxr.reports.vocabulary import SPECIAL, Vocabulary
from coherent_cxr.training.baselines.captioner import write_captions
from helpers.settings import filled

CONFIG = filled(CaptionerConfig, channels=12, size=16, attention_size=8, dropout=0.0, max_words=12)
WORDS = 15
LEARNERS = [name for name, system in SYSTEMS.items() if issubclass(system, Captioner)]
ids = st.lists(st.lists(st.integers(3, 40), min_size=1, max_size=5), min_size=1, max_size=5)


@pytest.fixture
def batch() -> CaptionBatch:
    dice = torch.Generator().manual_seed(0)
    words = pad_sequences([[[4, 5], [6]], [[7, 8, 9]], [[10], [11, 12]]], 20)
    return CaptionBatch(torch.rand(3, 4, 12, generator=dice), words, torch.zeros(3, 14), torch.ones(3, 14))


def make(name: str) -> Captioner:
    torch.manual_seed(0)
    made = SYSTEMS[name](CONFIG, WORDS)
    assert isinstance(made, Captioner)
    return made


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@given(ids)
def test_a_flat_report_gives_its_sentences_back(sentences):
    assert unflatten(flatten(sentences)) == sentences
    assert unflatten(pad_sequences([sentences, [[4]]], 99)[0].tolist()) == sentences


def test_a_cut_report_keeps_its_words():
    assert unflatten(pad_sequences([[[4, 5], [6, 7]]], 4)[0].tolist()) == [[4, 5], [6]]


@pytest.mark.parametrize("name", LEARNERS)
def test_reading_a_whole_report_is_reading_it_word_by_word(name, batch):
    model = make(name).eval()
    unrolled = model.unroll(batch.words, batch.features, dice())
    state = model.begin(batch.features, dice())
    previous = torch.full((3,), 1)
    for place in range(batch.words.shape[1]):
        embedded = model.embedding(previous)
        state = model.advance(embedded, state)
        torch.testing.assert_close(unrolled.hidden[:, place], state.hidden)
        output = model.output(embedded, state.hidden, state.context)
        torch.testing.assert_close(unrolled.outputs[:, place], output)
        previous = batch.words[:, place]


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.slow
def test_it_learns_a_few_reports_by_heart_and_writes_them(name, batch):
    model = make(name).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    if name == "noise-rnn":  # it cannot tell images apart, so it is given one report
        batch = batch._replace(words=batch.words[:1].expand(3, -1))
    for _ in range(150):
        loss, numbers = model.loss(batch, dice())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert numbers["word_loss"] < 0.2
    written = model.eval().write(batch.features, dice())
    assert [unflatten(row) for row in written.tolist()] == [unflatten(row) for row in batch.words.tolist()]


@pytest.mark.parametrize("name", LEARNERS)
def test_only_the_noise_rnn_is_blind(name, batch):
    model = make(name).eval()
    other = model.unroll(batch.words, batch.features.flip(0), dice())
    same = model.unroll(batch.words, batch.features, dice())
    assert torch.equal(other.outputs, same.outputs) == (name == "noise-rnn")


@pytest.mark.parametrize("name", LEARNERS)
def test_reports_are_never_empty_endless_or_of_marks(name, batch):
    model = make(name).eval()
    torch.nn.init.zeros_(model.word.weight)
    model.word.bias.data[2] = 9.0  # wants nothing but to end
    written = model.write(batch.features, dice())
    assert all(unflatten(row) for row in written.tolist())
    model.word.bias.data[2] = -9.0  # never ends
    written = model.write(batch.features, dice())
    assert written.shape[1] == CONFIG.max_words
    assert not set(written.flatten().tolist()) & {0, 1, 3}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", LEARNERS)
def test_numbers_that_are_not_finite_write_no_report(name, value, batch):
    model = make(name).eval()
    with pytest.raises(NonFiniteError, match="image features"):
        model.write(batch.features.masked_fill(batch.features < 0.1, value), dice())
    words = Vocabulary([*SPECIAL, *map(str, range(WORDS - len(SPECIAL)))], {}, 1)
    rows, cpu = np.arange(len(batch.features)), torch.device("cpu")
    for parameter in dict(model.named_parameters()):
        damaged = make(name)
        damaged.get_parameter(parameter).data.view(-1)[-1] = value
        with pytest.raises(NonFiniteError, match=re.escape(f"weights '{parameter}'")):
            write_captions(damaged, rows, lambda chosen: batch.features[chosen], words, 0, cpu)


@pytest.mark.parametrize("name", LEARNERS)
def test_logits_that_overflow_write_no_report(name, batch):
    model = make(name).eval()
    model.word.weight.data.fill_(3e38)  # each is finite, their sums are not
    for part, bias in model.lstm.named_parameters():
        if part.startswith("bias"):
            bias.data.fill_(50.0)  # gates are open, so that states are large and of one sign
    with pytest.raises(NonFiniteError, match="logits of the words"):
        model.write(batch.features, dice())


def test_padding_changes_no_loss(batch):
    for name in LEARNERS:
        model = make(name).eval()
        longer = batch._replace(words=functional.pad(batch.words, (0, 3)))
        torch.testing.assert_close(model.loss(longer, dice())[0], model.loss(batch, dice())[0])


def test_even_attention_is_not_uneven():
    words = torch.tensor([[4, 5, 2, 2], [4, 2, 2, 0]])
    assert unevenness(torch.full((2, 4, 8), 1 / 8), words).item() == pytest.approx(0)
    one_sided = torch.zeros(2, 4, 8)
    one_sided[..., 0] = 1  # looked = words, even = words / 8: (1 - 8)^2 once, 1 seven times
    assert unevenness(one_sided, words).item() == pytest.approx((49 + 7) / 8)


def test_tienet_pools_text_and_image_by_saliency(batch):
    model = TieNet(CONFIG, WORDS).eval()
    torch.manual_seed(1)
    states, attention = torch.randn(3, 6, 16), torch.softmax(torch.randn(3, 6, 4), dim=-1)
    words = torch.tensor([[4, 5, 2, 2, 0, 0], [4, 5, 6, 7, 2, 2], [4, 2, 2, 0, 0, 0]])
    logits = model.label_logits(states, attention, batch.features, words)
    for row in range(3):
        length = int((words[row] != 0).sum())
        h = states[row, :length]
        shares = torch.softmax(model.hop_score(torch.tanh(model.hop_hidden(h))), dim=0)  # (words, hops)
        text = (shares.T @ h).max(dim=0).values
        saliency = shares.max(dim=1).values
        pooled = (saliency @ attention[row, :length]) @ batch.features[row]
        expected = model.classify(torch.cat([text, pooled]))
        torch.testing.assert_close(logits[row], expected)


def test_uncertain_labels_do_not_train_tienet(batch):
    model = make("tienet").eval()
    unknown = batch._replace(known=torch.zeros(3, 14))
    flipped = unknown._replace(targets=torch.ones(3, 14))
    torch.testing.assert_close(model.loss(unknown, dice())[0], model.loss(flipped, dice())[0])
