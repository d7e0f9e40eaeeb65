"""What words of earlier sentences cost, by hand."""

from __future__ import annotations

import math

import torch

from coherent_cxr.models.generator import TeacherForced
from coherent_cxr.models.packing import pack_tokens
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.mle.unlikelihood import unlikelihood

# "a b" and "b c" of one report, "a" of another; 8 is a finding token that begins all sentences
A, B, C, TOKEN, SIZE = 4, 5, 6, 8, 9
EOS = Vocabulary.eos_id
WORDS = torch.tensor([[[TOKEN, A, B, EOS], [TOKEN, B, C, EOS]], [[TOKEN, A, EOS, 0], [0, 0, 0, 0]]])
SENTENCES = torch.tensor([2, 1])


def scored(logits: torch.Tensor) -> TeacherForced:
    packing = pack_tokens(WORDS, SENTENCES)
    words = WORDS[packing.counted]
    nothing = torch.zeros(2, 2)
    parts = {
        "word_logits": logits,
        "targets": words,
        "word_mask": torch.ones(len(words), dtype=torch.bool),
        "stop_logits": nothing,
        "stop_targets": nothing,
        "stop_mask": nothing.bool(),
        "attention": torch.zeros(len(words), 1),
        "packing": packing,
    }
    return TeacherForced(**{name: parts[name] for name in TeacherForced._fields})


def test_by_hand() -> None:
    # all words at even odds: each costs -log(1 - 1/9) for "a", the only word of an earlier sentence that the
    # present one does not hold, and nothing in first sentences; the finding token may stand again
    cost = unlikelihood(scored(torch.zeros(11, SIZE)), WORDS, torch.tensor([TOKEN]))
    packing = pack_tokens(WORDS, SENTENCES)
    in_second = (packing.report == 0) & (packing.sentence == 1)
    expected = torch.where(in_second, -math.log(1 - 1 / 9), 0.0)
    assert torch.allclose(cost, expected)
    assert int(in_second.sum()) == 4


def test_a_certain_repetition_costs_much_but_not_everything() -> None:
    logits = torch.zeros(11, SIZE)
    logits[:, A] = 100.0
    cost = unlikelihood(scored(logits), WORDS, torch.tensor([TOKEN]))
    assert torch.isfinite(cost).all()
    assert torch.allclose(cost.max(), torch.tensor(-math.log(1e-6)), atol=1e-3)


def test_the_gradient_lowers_the_earlier_word_and_no_other_target() -> None:
    logits = torch.zeros(11, SIZE, requires_grad=True)
    unlikelihood(scored(logits), WORDS, torch.tensor([TOKEN])).sum().backward()
    assert logits.grad is not None
    pushed = logits.grad.sum(dim=0)
    assert pushed[A] > 0  # gradient descent makes it less likely
    assert (pushed[[B, C, TOKEN]] < 0).all()
