"""Every tensor is made where its data is: on a GPU, and on the CPU with another default device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coherent_cxr.baselines.captioners.captioner import Captioner, CaptionerConfig
from coherent_cxr.baselines.registry import SYSTEMS
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.feature_cache import cached_features
from coherent_cxr.inference.generation import GenerationConfig, generate_reports
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.training.baselines.captioner import CaptioningConfig, write_captions
from coherent_cxr.training.baselines.train import BaselinesConfig, run_baselines
from coherent_cxr.training.encoder.augmentation import AugmentationConfig
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.scores import image_logits, score_labels
from coherent_cxr.training.encoder.train import pretrain_encoder
from coherent_cxr.training.engine.loop import Loop
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.train import train_mle
from coherent_cxr.training.scst.train import RlFineTuningConfig, fine_tune
from helpers.settings import filled
from helpers.training_corpus import ENCODER, LABELER

AUGMENTED = filled(AugmentationConfig, shift=0.1, scale=0.1, rotation=0.1, brightness=0.1, contrast=0.1)
"""All random changes at once."""

WRITERS = tuple(name for name, system in SYSTEMS.items() if issubclass(system, Captioner))


def encoder(corpus, folder):
    config = filled(
        EncoderPretrainingConfig,
        encoder="small_cnn",
        epochs=2,
        batch_size=8,
        dropout=0.1,
        average_weights=0.5,
        augmentation=AUGMENTED,
        select="auroc",
        checkpoint_folder=folder,
    )
    pretrained, history = pretrain_encoder(config, corpus.store, corpus.labels, corpus.splits)
    score_labels(config, pretrained, corpus.store, corpus.splits)
    return history


def mle_config(corpus, folder, **changes) -> MleTrainingConfig:
    sizes = {"size": 16, "attention_size": 8, "max_sentences": 3, "max_words": 6}
    generator = filled(
        GeneratorConfig, encoder=ENCODER, **sizes, sentence_feedback=True, study_input="per_study"
    )
    settings = {"generator": generator, "epochs": 2, "batch_size": 8, "checkpoint_folder": folder}
    return filled(
        MleTrainingConfig, **settings, sampling_step=0.5, sampling_every=1, finding_weight=3.0, **changes
    )


def mle(corpus, folder):
    config = mle_config(corpus, folder)
    trained = train_mle(config, *corpus[:-1], LABELER)
    for beams in (1, 2):
        generate_reports(
            trained.bundle, corpus.store, ["s21", "s22"], filled(GenerationConfig, beams=beams), None, LABELER
        )
    return trained.history


def trainable(corpus, folder):
    config = mle_config(corpus, folder, encoder="trainable", batch_norm="train", accumulate=2)
    config = config.replace(epochs=1, batch_size=13)
    return train_mle(config, *corpus[:-1], LABELER).history


def reinforcement(corpus, folder):
    config = mle_config(corpus, folder).generator
    with torch.random.fork_rng():
        model = ReportGenerator(config, len(corpus.vocabulary))
    model.encoder.backbone.load_state_dict(corpus.encoder.backbone_state())
    bundle = ModelBundle(config, corpus.vocabulary, corpus.store.size, model.state_dict(), {})
    settings = filled(
        RlFineTuningConfig,
        system="full",
        rewards={
            name: {"weight": 1.0} for name in ("cider", "ccr", "f_beta", "bleu", "rouge_l", "repetition")
        },
        samples=2,
        temperature=0.7,
        top_k=5,
        top_p=0.9,
        kl_batch_fraction=0.5,
        batch_size=8,
        checkpoint_folder=folder,
    )
    return fine_tune(settings, bundle, corpus.store, *corpus[3:-1], LABELER).history


def baselines(corpus, folder):
    config = filled(
        BaselinesConfig,
        systems=("1-nn", *WRITERS),
        captioner=filled(CaptionerConfig, size=16, attention_size=8, max_words=12),
        training=filled(CaptioningConfig, epochs=2, batch_size=8),
        checkpoint_folder=folder,
    )
    return run_baselines(config, *corpus[:-2], corpus.labels, ["s21", "s22"]).history


STAGES = (encoder, mle, trainable, reinforcement, baselines)


def without_default(function):
    """Call a function with a default device that no data is on.

    On a GPU a tensor that is made without a device lies on the wrong one. On the CPU nobody would see that,
    so here such a tensor has no content.
    """

    def call(*arguments, **settings):
        with torch.device("meta"):
            return function(*arguments, **settings)

    return call


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.slow
def test_no_step_or_validation_makes_a_tensor_on_the_default_device(
    corpus, checkpoint_folder, stage, monkeypatch
):
    run = Loop.run

    def run_without_default(loop: Loop):
        loop.train_step, loop.validate = without_default(loop.train_step), without_default(loop.validate)
        return run(loop)

    monkeypatch.setattr(Loop, "run", run_without_default)  # modules and optimisers are made before and moved
    history = stage(corpus, checkpoint_folder)
    assert np.isfinite(history.loc[history["metric"].str.endswith("loss"), "value"]).all()


@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("how", ["greedy", "sample", "beam"])
def test_no_way_to_write_makes_a_tensor_on_the_default_device(corpus, feedback, how):
    config = filled(
        GeneratorConfig, encoder=ENCODER, size=16, sentence_feedback=feedback, study_input="per_study"
    )
    model = ReportGenerator(config, len(corpus.vocabulary), finding_tokens=[5]).eval()
    features = model.encoder.backbone(torch.zeros(2, 64, 64, dtype=torch.uint8))
    randomness = torch.Generator().manual_seed(0)
    regions = without_default(model.encoder)(features)
    limits = {"temperature": 0.7, "top_k": 5, "top_p": 0.9}
    written = without_default(decode)(model, regions, how, randomness, how != "beam", **limits)
    assert word_ids(written.reports)[0]


def test_no_feature_is_computed_on_the_default_device(corpus, tmp_path):
    backbone = corpus.encoder.backbone()
    features = without_default(cached_features)(backbone, corpus.store, tmp_path, "fp32", torch.device("cpu"))
    assert np.isfinite(features).all()
    (classifier,) = corpus.encoder.classifiers()
    rows = np.arange(3)
    logits = without_default(image_logits)(classifier, corpus.store, rows, "fp32", torch.device("cpu"))
    assert logits.shape == (3, 14)


@pytest.mark.parametrize("system", WRITERS)
def test_no_compared_system_writes_on_the_default_device(corpus, system):
    sizes = filled(CaptionerConfig, channels=8, size=16, attention_size=8, max_words=12)
    model = SYSTEMS[system](sizes, len(corpus.vocabulary)).eval()
    rows = np.arange(2)
    reports = without_default(write_captions)(
        model, rows, lambda _: torch.rand(2, 4, 8, device="cpu"), corpus.vocabulary, 0, torch.device("cpu")
    )
    assert len(reports) == 2


def test_the_check_above_can_fail():
    with torch.device("meta"), pytest.raises((RuntimeError, NotImplementedError)):
        torch.zeros(3) + torch.ones(3, device="cpu")
    with torch.device("meta"), pytest.raises((RuntimeError, NotImplementedError)):
        torch.randint(0, 2, (2,), generator=torch.Generator("cpu")).tolist()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_runs_on_a_gpu_and_learns_the_same_twice_over(corpus, tmp_path, stage):
    first, again = (stage(corpus, str(tmp_path / name)) for name in ("a", "b"))
    losses = [history.loc[history["metric"] == "loss", "value"].to_numpy() for history in (first, again)]
    assert np.isfinite(losses[0]).all()
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.05, atol=0.05)
    assert torch.cuda.max_memory_allocated() > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@pytest.mark.parametrize("how", ["greedy", "sample", "beam"])
def test_reports_are_written_on_a_gpu(corpus, how):
    model = (
        ReportGenerator(filled(GeneratorConfig, encoder=ENCODER, size=16), len(corpus.vocabulary))
        .cuda()
        .eval()
    )
    randomness = torch.Generator("cuda").manual_seed(0)
    regions = model.encoder(model.encoder.backbone(torch.zeros(2, 64, 64, dtype=torch.uint8, device="cuda")))
    assert decode(model, regions, how, randomness).reports.words.is_cuda
