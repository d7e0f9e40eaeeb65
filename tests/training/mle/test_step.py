"""One step of likelihood training, by hand."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from coherent_cxr.inference.features import feature_provider
from coherent_cxr.inference.samples import samples_of_split, to_device
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.likelihood import likelihood_loss, word_log_probabilities
from coherent_cxr.training.mle.step import MleStep, sentence_weights
from helpers.training_corpus import LABELER

CPU = torch.device("cpu")


@pytest.fixture
def step_of(config, corpus, tmp_path):
    """Return the step of a model without dropout, for a weight of sentences with findings."""
    samples = samples_of_split(corpus.encoded_reports, corpus.store, "train", config.generator)
    torch.manual_seed(0)
    generator = dataclasses.replace(config.generator, dropout=0.0)
    model = ReportGenerator(generator, len(corpus.vocabulary))
    regions_of = feature_provider(model, corpus.store, "frozen", tmp_path, "fp32", CPU)

    def make(finding_weight: float) -> MleStep:
        weights = sentence_weights(samples, corpus.vocabulary, finding_weight, LABELER)
        return MleStep(config, model, samples, regions_of, weights)

    return make


@pytest.mark.parametrize("finding_weight", [1.0, 4.0])
def test_a_step_is_the_mean_of_its_parts_whatever_their_lengths(step_of, finding_weight):
    step, randomness = step_of(finding_weight), torch.Generator()
    chosen = torch.arange(8).numpy()
    whole = step(0, chosen, randomness)[0]
    parts = [step(0, part, randomness)[0] for part in (chosen[:2], chosen[2:])]
    torch.testing.assert_close(whole, parts[0] * 2 / 8 + parts[1] * 6 / 8)


def test_over_all_samples_a_step_is_the_mean_loss_per_word_and_per_stop_decision(step_of):
    step = step_of(1.0)
    everything = torch.arange(len(step.train)).numpy()
    reports = to_device(step.train.batch(everything), CPU)
    loss = likelihood_loss(step.model(step.regions_of(step.train.image_rows), reports))
    torch.testing.assert_close(step(0, everything, torch.Generator())[0], loss.words + loss.stop)


def test_words_of_sentences_with_findings_weigh_more(step_of):
    step = step_of(4.0)
    # "the lungs are clear. heart size is normal." and "the heart is enlarged. the lungs are clear."
    healthy, enlarged = (step.train.study_ids.index(study) for study in ("s00", "s01"))
    assert step.sentence_weights[healthy].tolist() == [1, 1, 1]
    assert step.sentence_weights[enlarged].tolist() == [4, 1, 1]
    chosen = torch.tensor([enlarged]).numpy()
    reports = step.train.batch(chosen)
    scored = step.model(step.regions_of(step.train.image_rows[chosen]), reports)
    of_word = -word_log_probabilities(scored)
    by_hand = (4 * of_word[:5].sum() + of_word[5:].sum()) / step.words_per_report
    assert step(0, chosen, torch.Generator())[1]["word_loss"] == pytest.approx(by_hand.item(), rel=1e-5)
    # Ten samples show an enlarged heart, eight an effusion, so that weighs sqrt(10 / 8) times as much.
    effusion = step.train.study_ids.index("s02")
    assert step.sentence_weights[effusion].tolist() == pytest.approx([1, 4 * (10 / 8) ** 0.5, 1])
    # 8 reports of 5 + 5 words, ends included, 10 of 4 * 5 + 5, 8 of 5 + 4.47 * 6 + 3
    total = 8 * 10 + 10 * 25 + 8 * (5 + 4 * (10 / 8) ** 0.5 * 6 + 3)
    assert step.words_per_report == pytest.approx(total / 26)


def test_the_learning_rate_is_halved_or_goes_through_one_cycle(step_of):
    step = step_of(1.0)  # 26 samples, 5 steps an epoch
    rates = [step.learning_rate(s) for s in (0, 4, 5, 10)]
    step.config = dataclasses.replace(step.config, halve_every=1)
    assert rates == [0.02] * 4
    assert [step.learning_rate(s) for s in (0, 4, 5, 10)] == pytest.approx([0.02, 0.02, 0.01, 0.005])
    step.config = dataclasses.replace(step.config, schedule="one_cycle", epochs=20)
    cycle = [step.learning_rate(s) for s in range(100)]
    assert cycle.index(max(cycle)) == 10
    assert max(cycle) == pytest.approx(0.02, rel=1e-3)
    assert cycle[99] < 0.001 * 0.02 + 1e-5
