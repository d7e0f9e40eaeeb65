from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.inference.features import feature_provider
from coherent_cxr.inference.generation import GenerationConfig, generate_reports
from coherent_cxr.inference.samples import samples_of_split, to_device
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.models.likelihood import likelihood_loss, word_log_probabilities
from coherent_cxr.rewards import CiderD
from coherent_cxr.runtime import pace
from coherent_cxr.runtime.distributed import run_in_ranks
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.step import MleStep, sentence_weights
from coherent_cxr.training.mle.train import train_mle
from coherent_cxr.training.validation import References, ReportReader, Validator, references_of
from helpers.training_corpus import ENCODER, LABELER

CPU = torch.device("cpu")


@pytest.fixture
def config(checkpoint_folder) -> MleTrainingConfig:
    return MleTrainingConfig(
        generator=GeneratorConfig(
            encoder=ENCODER, size=16, attention_size=8, dropout=0.2, max_sentences=4, max_words=8
        ),
        epochs=3,
        batch_size=6,
        learning_rate=2e-2,
        sampling_step=0.25,
        sampling_every=1,
        select="likelihood",
        precision="fp32",
        checkpoint_folder=checkpoint_folder,
    )


def train(config, corpus, labeler=LABELER):
    return train_mle(config, *corpus[:-1], labeler)


def changed(config, **changes):
    return dataclasses.replace(config, **changes)


def losses(history, split="train"):
    chosen = history[
        (history["split"] == split) & (history["metric"].isin(["loss", "word_loss", "stop_loss"]))
    ]
    return chosen["value"].to_numpy()


@pytest.mark.parametrize(("study_input", "feedback"), [("per_image", False), ("per_study", True)])
@pytest.mark.slow
def test_it_learns_writes_and_comes_back_the_same(config, corpus, tmp_path, study_input, feedback):
    generator = dataclasses.replace(
        config.generator, study_input=study_input, sentence_feedback=feedback, dropout=0.0
    )
    config = changed(
        config,
        generator=generator,
        epochs=30,
        batch_size=3,
        learning_rate=1e-2,
        halve_every=18,
        sampling_every=30,
    )
    trained = train(config, corpus)
    history = trained.history[trained.history["split"] == "validation"]
    word_loss = history[history["metric"] == "word_loss"]["value"]
    assert word_loss.iloc[-1] < 0.3 * word_loss.iloc[0]
    assert history[history["metric"] == "macro_f1"]["value"].iloc[-1] == 1
    studies = corpus.splits.loc[corpus.splits["split"] == "test", "study_id"].tolist()
    trained.bundle.save(tmp_path / "bundle")
    loaded = type(trained.bundle).load(tmp_path / "bundle")
    reports = [
        generate_reports(
            bundle,
            corpus.store,
            studies,
            GenerationConfig(batch_size=size, beams=beams, precision="fp32"),
            None,
            LABELER,
        )
        for bundle, size, beams in ((trained.bundle, 4, 1), (loaded, 1, 1), (loaded, 3, 3))
    ]
    assert reports[0].equals(reports[1])
    assert reports[0]["study_id"].tolist() == studies == reports[2]["study_id"].tolist()
    assert reports[0]["tokens"].tolist() == corpus.findings["tokens"].iloc[21:].tolist()


def test_with_label_input_the_pretrained_classifier_stays_as_it_was_and_its_part_learns(config, corpus):
    generator = dataclasses.replace(config.generator, label_input=True)
    weights = train(changed(config, generator=generator, epochs=1), corpus).bundle.weights
    for name in ("weight", "bias"):
        torch.testing.assert_close(
            weights[f"encoder.labels.{name}"], corpus.encoder.members[0][f"head.{name}"], rtol=0, atol=0
        )
    assert weights["encoder.of_labels.weight"].shape == (config.generator.size, 14)
    less = train(changed(config, epochs=1), corpus).bundle.weights
    assert set(weights) - set(less) == {
        f"encoder.{layer}.{name}" for layer in ("labels", "of_labels") for name in ("weight", "bias")
    }


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(config, corpus, tmp_path):
    runs = [
        train(changed(config, seed=seed, checkpoint_folder=str(tmp_path / name)), corpus)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert runs[0].bundle.digest == runs[1].bundle.digest != runs[2].bundle.digest
    assert runs[0].examples == runs[1].examples


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_bytes(config, corpus, tmp_path, monkeypatch):
    whole = train(changed(config, checkpoint_folder=str(tmp_path / "whole")), corpus)
    config = changed(config, checkpoint_every=1e-3)
    monkeypatch.setattr(pace, "LARGEST_SHARE", math.inf)  # a checkpoint after every step, whatever it costs
    call = MleStep.__call__

    def interrupted(self, step, chosen, randomness):
        if step == 6:  # in the second epoch, after a checkpoint within it
            raise KeyboardInterrupt
        return call(self, step, chosen, randomness)

    with monkeypatch.context() as patched:
        patched.setattr(MleStep, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config, corpus)
    again = train(config, corpus)
    assert again.bundle.digest == whole.bundle.digest
    assert again.examples == whole.examples


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one_with_twice_the_batch(config, corpus, tmp_path):
    generator = dataclasses.replace(config.generator, dropout=0.0)
    config = changed(config, generator=generator, sampling_step=0.0, batch_size=8)
    one, two = (
        run_in_ranks(
            train_mle,
            ranks,
            changed(config, checkpoint_folder=str(tmp_path / f"{ranks}"), processes=ranks),
            *corpus[:-1],
            LABELER,
        )
        for ranks in (1, 2)
    )
    assert losses(two.history) == pytest.approx(losses(one.history), rel=1e-4)
    assert losses(two.history, "validation") == pytest.approx(losses(one.history, "validation"), rel=1e-3)
    for name, value in one.bundle.weights.items():
        torch.testing.assert_close(two.bundle.weights[name], value, rtol=1e-2, atol=1e-3, msg=name)
    assert two.examples
    # Sums in another order: nearly the same weights, not the same bytes, so the number of processes counts.
    assert one.bundle.digest != two.bundle.digest
    assert [run.bundle.metadata["processes"] for run in (one, two)] == [1, 2]


@pytest.mark.slow
def test_a_trainable_encoder_learns_and_its_normalisation_keeps_its_statistics(config, corpus):
    config = changed(config, encoder="trainable", epochs=1, learning_rate=1e-4)
    trained = train(config, corpus)
    start = corpus.encoder.backbone_state()
    moved = {
        n for n, v in start.items() if not torch.equal(v, trained.bundle.weights[f"encoder.backbone.{n}"])
    }
    assert {n for n, v in start.items() if v.ndim == 4 and n.startswith("features")} <= moved
    assert not [n for n in moved if "running" in n or "num_batches" in n]
    other = train(changed(config, batch_norm="train"), corpus)
    name = [name for name in start if name.endswith("running_mean")][-1]
    assert not torch.equal(start[name], other.bundle.weights[f"encoder.backbone.{name}"])


@pytest.mark.slow
def test_the_encoder_is_compiled_where_asked(config, corpus, monkeypatch):
    # What compiling does is PyTorch's business and takes a minute; that the backbone is handed over is ours.
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(module))
    for compile_it in (False, True):
        train(changed(config, encoder="trainable", epochs=1, learning_rate=1e-4, compile=compile_it), corpus)
    assert [type(module) for module in compiled] == [Backbone]


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
    step.config = changed(step.config, halve_every=1)
    assert rates == [0.02] * 4
    assert [step.learning_rate(s) for s in (0, 4, 5, 10)] == pytest.approx([0.02, 0.02, 0.01, 0.005])
    step.config = changed(step.config, schedule="one_cycle", epochs=20)
    cycle = [step.learning_rate(s) for s in range(100)]
    assert cycle.index(max(cycle)) == 10
    assert max(cycle) == pytest.approx(0.02, rel=1e-3)
    assert cycle[99] < 0.001 * 0.02 + 1e-5


def test_scheduled_sampling_grows_by_epochs(config, corpus, tmp_path):
    history = train(changed(config, epochs=3), corpus).history
    chances = history[history["metric"] == "sampling"].groupby(history["epoch"].apply(lambda e: -(-e // 1)))[
        "value"
    ]
    assert chances.max().tolist() == [0.0, 0.25, 0.5]


def test_validation_numbers_do_not_depend_on_the_batch(config, corpus, tmp_path):
    samples = samples_of_split(corpus.encoded_reports, corpus.store, "train", config.generator)
    references = references_of(samples, corpus.findings, corpus.labels)
    torch.manual_seed(0)
    model = ReportGenerator(config.generator, len(corpus.vocabulary))
    regions_of = feature_provider(model, corpus.store, "frozen", tmp_path, "fp32", CPU)
    reader = ReportReader(corpus.vocabulary, LABELER)
    numbers = [
        Validator(samples, references, reader, corpus.document_frequencies, regions_of, size).numbers(model)
        for size in (3, 100)
    ]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-4)
    assert {"perplexity", "cider", "macro_f1", "repeat_rate", "word_loss", "stop_loss"} <= set(numbers[0])
    assert numbers[0]["perplexity"] == pytest.approx(2.718281828 ** numbers[0]["word_loss"])


def test_another_rule_set_is_another_training(config, corpus, tmp_path):
    config = changed(config, epochs=1)
    models = [train(config, corpus, CheXpertLabeler(rules)).bundle for rules in ("corrected", "original")]
    assert [model.metadata["label_rules"] for model in models] == ["corrected", "original"]
    assert len({model.metadata["label_rules_digest"] for model in models}) == 2
    assert len(list(Path(config.checkpoint_folder).glob("mle_training-*"))) == 2


def test_validation_reads_reports_as_evaluation_does(config, corpus):
    """Repeated sentences are counted, then removed; labels are by the rules that labelled the references."""
    samples = samples_of_split(corpus.encoded_reports, corpus.store, "train", config.generator)
    some = dataclasses.replace(samples, study_ids=samples.study_ids[:1])
    enlarged = np.full((1, 14), 2, np.int8)
    enlarged[0, OBSERVATIONS.index("Cardiomegaly")] = 1
    wanted = "the heart is enlarged ."
    clear = ["lungs", "are", "clear"]
    normal = ["the", "heart", "size", "appears", "within", "normal", "limits"]
    found = {}
    for rules in ("corrected", "original"):
        reader = ReportReader(corpus.vocabulary, CheXpertLabeler(rules))
        cider = CiderD.from_corpus([wanted, "lungs are clear .", "no effusion ."])
        validator = Validator(some, References([wanted], enlarged), reader, cider, lambda rows: rows)
        found[rules] = validator.scores([[normal, clear, clear]])
        once = validator.scores([[normal, clear]])
        assert found[rules]["repeat_rate"] == pytest.approx(1 / 3)
        assert found[rules] | {"repeat_rate": 0.0} == once
    assert (found["original"]["macro_f1"], found["corrected"]["macro_f1"]) == (1, 0)
    assert (found["original"]["positive_calls"], found["corrected"]["positive_calls"]) == (1, 0)


def test_examples_of_every_epoch_stand_beside_their_references(config, corpus):
    trained = train(changed(config, examples=2), corpus)
    assert [e["epoch"] for e in trained.examples] == [1, 1, 2, 2, 3, 3]
    assert trained.examples[0]["study_id"] == "s09"
    assert trained.examples[0]["reference"] == "the lungs are clear . heart size is normal ."
    assert isinstance(trained.examples[0]["written"], str)


def test_training_ends_early(config, corpus):
    history = train(
        changed(config, epochs=30, learning_rate=1e-9, patience=2, select="macro_f1"), corpus
    ).history
    assert history[history["metric"] == "macro_f1"]["epoch"].max() == 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"batch_size": 0}, "'mle_training.batch_size' is 0; it must be a positive whole number"),
        ({"patience": 0}, "'mle_training.patience' is 0"),
        (
            {"select": "bleu"},
            "'mle_training.select' is 'bleu'; it must be one of macro_f1, cider, likelihood",
        ),
        ({"sampling_step": 2.0}, "in 0..1"),
        ({"batch_norm": "off"}, "batch_norm"),
        ({"finding_weight": 0.0}, "'mle_training.finding_weight' is 0.0; it must be positive"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(ConfigurationError, match=message):
        MleTrainingConfig(**setting)
