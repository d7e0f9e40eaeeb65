"""What attending again to the same regions costs, by hand."""

from __future__ import annotations

import pytest
import torch

from coherent_cxr.models.generator import TeacherForced
from coherent_cxr.models.packing import pack_tokens
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.mle.coverage import coverage

EOS = Vocabulary.eos_id
WORDS = torch.tensor([[[4, EOS], [5, EOS], [6, EOS]], [[4, EOS], [5, EOS], [0, 0]]])
SENTENCES = torch.tensor([3, 2])


def scored(attention: torch.Tensor) -> TeacherForced:
    packing = pack_tokens(WORDS, SENTENCES)
    nothing, words = torch.zeros(2, 3), WORDS[packing.counted]
    logits, mask = torch.zeros(len(words), 9), torch.ones(len(words), dtype=torch.bool)
    return TeacherForced(logits, words, mask, nothing, nothing, nothing.bool(), attention, packing)


def test_by_hand() -> None:
    # shares on two regions and the sentinel; two words a sentence
    left, right, both = [0.5, 0.0, 0.5], [0.0, 0.2, 0.8], [0.3, 0.1, 0.6]
    attention = torch.tensor([left, left, right, right, both, both, left, left, both, left])
    # the third attends left and right, 3/4 and 1/4, where 1 and 1 are covered; the last left 4/5 and 1/9 ...
    last = 0.8 / 0.9
    expected = torch.tensor([[0.0, 0.0, 1.0], [0.0, last, 0.0]])
    assert torch.allclose(coverage(scored(attention)), expected)


def test_the_sentinel_gains_nothing_and_other_regions_do() -> None:
    attention = torch.tensor([[0.5, 0.0, 0.5]] * 10)
    attention[2:4] = torch.tensor([0.15, 0.05, 0.8])
    again = attention.requires_grad_()
    cost = coverage(scored(again))
    assert cost[0, 1].item() == pytest.approx(0.75)
    cost[0, 1].backward()
    assert again.grad is not None
    assert (again.grad[2:4, 1] < 0).all()
    assert (again.grad[2:4, -1] == 0).all()
