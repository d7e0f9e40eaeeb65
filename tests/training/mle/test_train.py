"""Likelihood training on a corpus of two dozen studies: it learns, resumes, repeats and refuses."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.inference.generation import GenerationConfig, generate_reports
from coherent_cxr.inference.study_features import study_regions
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.reports.priors import priors_of
from coherent_cxr.reports.sections import mark_of
from coherent_cxr.runtime import pace
from coherent_cxr.runtime.distributed import run_in_ranks
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.step import MleStep
from coherent_cxr.training.mle.train import train_mle
from helpers.settings import filled
from helpers.training_corpus import LABELER, make_corpus


def train(config, corpus, labeler=LABELER):
    return train_mle(config, *corpus[:-1], labeler)


def changed(config, **changes):
    return config.replace(**changes)


def losses(history, split="train"):
    chosen = history[
        (history["split"] == split) & (history["metric"].isin(["loss", "word_loss", "stop_loss"]))
    ]
    return chosen["value"].to_numpy()


@pytest.mark.parametrize(("study_input", "feedback"), [("per_image", False), ("per_study", True)])
@pytest.mark.slow
def test_it_learns_writes_and_comes_back_the_same(config, corpus, tmp_path, study_input, feedback):
    generator = config.generator.replace(study_input=study_input, sentence_feedback=feedback, dropout=0.0)
    config = changed(
        config,
        generator=generator,
        epochs=20,
        batch_size=3,
        learning_rate=1e-2,
        halve_every=12,
        sampling_every=20,
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
            filled(GenerationConfig, batch_size=size, beams=beams, precision="fp32"),
            None,
            LABELER,
        )
        for bundle, size, beams in ((trained.bundle, 4, 1), (loaded, 1, 1), (loaded, 3, 3))
    ]
    assert reports[0].equals(reports[1])
    assert reports[0]["study_id"].tolist() == studies == reports[2]["study_id"].tolist()
    assert reports[0]["tokens"].tolist() == corpus.findings["tokens"].iloc[21:].tolist()


def test_a_generator_that_reads_reports_of_priors_is_trained_saved_and_loaded(config, corpus, tmp_path):
    ids = corpus.encoded_reports["study_id"]
    dated = corpus.encoded_reports.assign(prior_id=ids.shift(3), interval_days=2.0)
    generator = config.generator.replace(study_input="with_prior", prior_report=True)
    trained = train(changed(config, generator=generator, epochs=1), corpus._replace(encoded_reports=dated))
    trained.bundle.save(tmp_path / "bundle")
    loaded = type(trained.bundle).load(tmp_path / "bundle")
    assert "encoder.prior.report.gru.weight_ih_l0" in loaded.weights
    how = filled(GenerationConfig, batch_size=4, precision="fp32")
    with_reports, without = priors_of(dated, corpus.findings), priors_of(dated)
    regions = {}
    for name, bundle, priors in (
        ("trained", trained.bundle, with_reports),
        ("loaded", loaded, with_reports),
        ("no report", loaded, without),
        ("absent", loaded, {}),
    ):
        read = study_regions(bundle.build(), bundle.vocabulary, corpus.store, ["s00", "s07"], how, priors)
        (regions[name],) = read
    assert torch.equal(regions["trained"], regions["loaded"])
    assert torch.equal(regions["loaded"][0], regions["absent"][0])  # s00 has no prior
    assert not torch.allclose(regions["loaded"][1], regions["no report"][1])
    assert not torch.allclose(regions["no report"][1], regions["absent"][1])


@pytest.mark.slow
def test_it_learns_where_the_impression_begins(config, tmp_path):
    corpus = make_corpus(tmp_path / "store", impressions=True)
    generator = config.generator.replace(sentence_feedback=True, dropout=0.0, max_sentences=5)
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
    studies = corpus.splits.loc[corpus.splits["split"] == "test", "study_id"].tolist()
    how = filled(GenerationConfig, batch_size=4, precision="fp32")
    reports = generate_reports(trained.bundle, corpus.store, studies, how, None, LABELER)
    assert reports["tokens"].tolist() == corpus.findings["tokens"].iloc[21:].tolist()
    assert [mark_of(tokens) for tokens in reports["tokens"]] == [1, 1, 2]
    assert not reports["report"].str.contains("impression").any()


@pytest.mark.slow
def test_with_label_input_the_pretrained_classifier_stays_as_it_was_and_its_part_learns(config, corpus):
    generator = config.generator.replace(label_input=True)
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
@pytest.mark.usefixtures("forked_ranks")
def test_two_processes_give_the_losses_of_one_with_twice_the_batch(config, corpus, tmp_path):
    generator = config.generator.replace(dropout=0.0)
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
@pytest.mark.usefixtures("forked_ranks")
def test_one_process_continues_what_two_began_with_the_same_bytes(config, corpus, tmp_path, monkeypatch):
    config = changed(config, batch_size=8, checkpoint_every=1e-3)
    monkeypatch.setattr(pace, "LARGEST_SHARE", math.inf)  # a checkpoint after every step, whatever it costs
    one = changed(config, accumulate=2, processes=1)
    whole = train(changed(one, checkpoint_folder=str(tmp_path / "whole")), corpus)
    two = changed(config, accumulate=1, processes=2)
    call = MleStep.__call__

    def interrupted(self, step, chosen, randomness):
        if step == 4:  # in the second epoch
            raise KeyboardInterrupt
        return call(self, step, chosen, randomness)

    with monkeypatch.context() as patched:
        patched.setattr(MleStep, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_in_ranks(train_mle, 2, two, *corpus[:-1], LABELER)
    began = [path.name for path in Path(config.checkpoint_folder).glob("mle_training-*")]
    assert [*Path(config.checkpoint_folder).glob("mle_training-*/step-*")]
    again = train(one, corpus)
    assert [path.name for path in Path(config.checkpoint_folder).glob("mle_training-*")] == began
    for name, value in whole.bundle.weights.items():
        assert torch.equal(again.bundle.weights[name], value), name


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


def test_scheduled_sampling_grows_by_epochs(config, corpus, tmp_path):
    history = train(changed(config, epochs=3), corpus).history
    chances = history[history["metric"] == "sampling"].groupby(history["epoch"].apply(lambda e: -(-e // 1)))[
        "value"
    ]
    assert chances.max().tolist() == [0.0, 0.25, 0.5]


def test_another_rule_set_is_another_training(config, corpus, tmp_path):
    config = changed(config, epochs=1)
    models = [train(config, corpus, CheXpertLabeler(rules)).bundle for rules in ("corrected", "original")]
    assert [model.metadata["label_rules"] for model in models] == ["corrected", "original"]
    assert len({model.metadata["label_rules_digest"] for model in models}) == 2
    assert len(list(Path(config.checkpoint_folder).glob("mle_training-*"))) == 2


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
            "'mle_training.select' is 'bleu'; it must be one of 'macro_f1', 'cider', 'likelihood'",
        ),
        ({"sampling_step": 2.0}, "at least 0 and at most 1"),
        ({"batch_norm": "off"}, "batch_norm"),
        ({"finding_weight": 0.0}, "'mle_training.finding_weight' is 0.0; it must be a positive number"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(ConfigurationError, match=message):
        filled(MleTrainingConfig, **setting)
