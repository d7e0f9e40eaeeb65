"""How much words behind a finding token look at the image, and the loss that makes them look."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coherent_cxr.inference.samples import Samples, pad_reports
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.reports.finding_tokens import NO_FINDING_TOKEN, finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.sentinel import sentinel_shares, tokens_of_findings, words_behind_findings
from coherent_cxr.training.mle.step import MleStep
from helpers.settings import filled
from helpers.training_corpus import ENCODER

VOCABULARY = Vocabulary.from_counts(dict.fromkeys("abcdef", 3), 1, finding_tokens_of(["Edema", "Fracture"]))
GENERATOR = filled(
    GeneratorConfig, encoder=ENCODER, size=16, attention_size=8, dropout=0.0, max_sentences=3, max_words=6
)
REPORTS = [
    [["<Edema>", "a", "b"], [NO_FINDING_TOKEN, "c", "d", "e"]],  # 2 words behind a finding
    [[NO_FINDING_TOKEN, "c"]],  # none
    [["a", "b"], ["<Fracture>", "f"], ["<Edema>", "a", "a", "unheard-of"]],  # 1 and 3
    [["<Fracture>", "a", "b", "c", "d", "e", "f"]],  # cut after 6: 5 words, no end
]
WORDS_BEHIND = [2, 0, 4, 5]


def samples() -> Samples:
    ids = [[VOCABULARY.encode(sentence) for sentence in report] for report in REPORTS]
    return Samples(list("ABCD"), np.arange(4), pad_reports(ids, GENERATOR))


def model() -> ReportGenerator:
    torch.manual_seed(0)
    return ReportGenerator(GENERATOR, len(VOCABULARY), finding_tokens=VOCABULARY.finding_token_ids)


def regions_of(rows: np.ndarray) -> torch.Tensor:
    return (torch.randn(4, 5, 16, generator=torch.Generator().manual_seed(1)) * 3)[torch.from_numpy(rows)]


def step(sentinel_weight: float, generator: ReportGenerator | None = None) -> MleStep:
    config = filled(
        MleTrainingConfig, generator=GENERATOR, sampling_step=0.0, sentinel_weight=sentinel_weight
    )
    weights = torch.ones(samples().reports.words.shape[:2])
    tokens = tokens_of_findings(VOCABULARY)
    return MleStep(config, generator or model(), samples(), regions_of, weights, tokens)


def test_tokens_of_findings_leave_out_the_one_of_none() -> None:
    assert [VOCABULARY.tokens[i] for i in tokens_of_findings(VOCABULARY)] == ["<Edema>", "<Fracture>"]
    assert tokens_of_findings(Vocabulary.from_counts({"a": 3}, 1)) == []


def test_words_behind_findings_are_those_counted_by_hand() -> None:
    tokens = tokens_of_findings(VOCABULARY)
    assert words_behind_findings(samples(), tokens) == sum(WORDS_BEHIND)
    assert words_behind_findings(samples(), []) == 0
    generator = model().eval()
    every = np.arange(4)
    scored = generator(regions_of(every), samples().batch(every))
    assert len(sentinel_shares(scored, samples().batch(every).words, tokens)) == sum(WORDS_BEHIND)
    for row, count in enumerate(WORDS_BEHIND):
        one = samples().batch([row])
        shares = sentinel_shares(generator(regions_of(every[[row]]), one), one.words, tokens)
        assert len(shares) == count
    first = samples().batch([0])
    scored = generator(regions_of(every[:1]), first)
    # reading order: token, a, b, end, ...
    assert sentinel_shares(scored, first.words, tokens).tolist() == scored.attention[1:3, -1].tolist()


def test_the_loss_adds_the_mean_share_times_its_weight() -> None:
    every, randomness = np.arange(4), torch.Generator()
    plain, parts = step(0.0)(0, every, randomness)
    looking, more = step(0.5)(0, every, randomness)
    scored = model()(regions_of(every), samples().batch(every))
    share = sentinel_shares(scored, samples().batch(every).words, tokens_of_findings(VOCABULARY)).mean()
    assert "sentinel" not in parts
    assert more["sentinel"] == pytest.approx(float(share), rel=1e-5)
    torch.testing.assert_close(looking, plain + 0.5 * share)


def test_a_step_is_the_mean_of_its_parts() -> None:
    whole, parts = np.arange(4), [np.arange(1), np.arange(1, 4)]
    one = step(2.0)
    halves = [one(0, part, torch.Generator())[0] * len(part) / 4 for part in parts]
    torch.testing.assert_close(one(0, whole, torch.Generator())[0], halves[0] + halves[1])


def test_without_finding_tokens_nothing_is_added() -> None:
    plain = step(0.0).config.replace(sentinel_weight=3.0)
    weights = torch.ones(samples().reports.words.shape[:2])
    without = MleStep(plain, model(), samples(), regions_of, weights)
    loss, parts = without(0, np.arange(4), torch.Generator())
    assert "sentinel" not in parts
    torch.testing.assert_close(loss, step(0.0)(0, np.arange(4), torch.Generator())[0])


def test_words_learn_to_look() -> None:
    shares = {}
    for weight in (0.0, 1.0):
        generator = model()
        one = step(weight, generator)
        optimizer = torch.optim.Adam(
            [p for n, p in generator.named_parameters() if not n.startswith("encoder")], lr=0.01
        )
        for number in range(40):
            optimizer.zero_grad()
            one(number, np.arange(4), torch.Generator())[0].backward()
            optimizer.step()
        every = samples().batch(np.arange(4))
        scored = generator.eval()(regions_of(np.arange(4)), TargetReports(*every))
        shares[weight] = float(sentinel_shares(scored, every.words, one.tokens).mean())
    assert shares[1.0] < 0.1
    assert shares[1.0] < shares[0.0] / 2


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="sentinel_weight"):
        filled(MleTrainingConfig, sentinel_weight=-0.1)
