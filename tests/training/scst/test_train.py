"""Reinforcement runs on a corpus of two dozen studies: what they raise, resume, show and refuse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from coherent_cxr.runtime import pace
from coherent_cxr.runtime.children import Children
from coherent_cxr.runtime.distributed import run_in_ranks
from coherent_cxr.training.scst.train import RlFineTuningConfig, fine_tune
from helpers.scst_runs import REWARDS, arguments, config, learned, values
from helpers.tiny_generator import make_generator


def gain_of(history: pd.DataFrame, reports: str) -> list[float]:
    names = ("before", "after", "low", "high")
    return [values(history, f"{reports}_{name}", "validation")[0] for name in names]


def hearts(candidates, references):
    """A user's reward: the share of words that are "heart"."""
    return [text.split().count("heart") / max(len(text.split()), 1) for text in candidates.texts]


@pytest.mark.slow
def test_a_run_raises_what_it_optimises_beyond_its_interval(corpus, generator, tmp_path):
    rewards = {"hearts": {"weight": 1.0, "baseline": "leave_one_out", "function": f"{__name__}:hearts"}}
    settings = {"rewards": rewards, "samples": 8, "epochs": 6, "batch_size": 16, "learning_rate": 2e-2}
    run = fine_tune(config(tmp_path, **settings), *arguments(corpus, generator))
    for reports in ("reward", "sampled_reward"):
        before, after, low, high = gain_of(run.history, reports)
        assert 0 < low <= after - before <= high
    before, after, _, _ = gain_of(run.history, "reward")
    objective = values(run.history, "reward", "validation")
    assert (objective[0], objective[-1]) == (before, after)
    sampled = values(run.history, "hearts")
    assert sampled[-5:].mean() > sampled[0] + 0.3


@pytest.mark.slow
def test_reports_drawn_cold_are_the_greedy_ones_and_warm_ones_are_not(corpus, generator, tmp_path):
    settings = {"rewards": {"rouge_l": {"weight": 1.0}}, "epochs": 1, "samples": 1}
    cold = fine_tune(config(tmp_path / "cold", temperature=1e-6, **settings), *arguments(corpus, generator))
    warm = fine_tune(config(tmp_path / "warm", **settings), *arguments(corpus, generator))
    assert gain_of(cold.history, "sampled_reward") == pytest.approx(gain_of(cold.history, "reward"))
    assert gain_of(warm.history, "sampled_reward")[0] != pytest.approx(gain_of(warm.history, "reward")[0])
    none = fine_tune(
        config(tmp_path / "cold", temperature=1e-6, validation_samples=0, **settings),
        *arguments(corpus, generator),
    )
    assert not none.history["metric"].str.startswith("drawn").any()


def test_weights_change_but_not_the_encoder(whole, generator):
    changed = {n for n, value in whole.bundle.weights.items() if not torch.equal(value, generator.weights[n])}
    assert any(name.startswith("word_decoder") for name in changed)
    assert any(name.startswith("sentence_decoder.stop") for name in changed)
    assert not any(name.startswith("encoder.backbone") for name in changed)
    assert whole.bundle.metadata["fine_tuned_from"] == generator.digest
    assert whole.bundle.metadata["system"] == "full"
    assert whole.bundle.metadata["label_rules"] == "not recorded, then corrected"


def test_two_views_feedback_and_narrow_sampling_work_together(corpus, tmp_path, features):
    generator = make_generator(corpus, study_input="per_study", sentence_feedback=True)
    limits = {"temperature": 0.5, "top_k": 5, "top_p": 0.9, "accumulate": 2}
    run = fine_tune(config(tmp_path, epochs=1, **limits), *arguments(corpus, generator))
    assert run.bundle.metadata["ended"] == "finished"
    assert values(run.history, "kl")[0] == pytest.approx(0, abs=1e-4)
    assert run.bundle.digest != generator.digest


@pytest.mark.slow
def test_samples_can_be_used_again_within_limits_and_held_at_the_starting_model(corpus, generator, tmp_path):
    rewards = {"rouge_l": {"weight": 1.0, "baseline": "group"}}
    held = {"sample_uses": 3, "kl": {"coefficient": 0.1, "target": 0.01}, "learning_rate": 1e-2}
    chosen = config(tmp_path, epochs=1, rewards=rewards, accumulate=2, validation_samples=0, **held)
    history = fine_tune(chosen, *arguments(corpus, generator)).history
    assert len(values(history, "loss")) == 5
    # a sample's first use moves nothing beyond the limits, its last one does
    assert (values(history, "clip_ratio") > 0).any()
    assert values(history, "kl_k3")[0] > 0
    np.testing.assert_allclose(values(history, "kl_coefficient")[:2], [0.1, 0.102])


class _Killed(KeyboardInterrupt):
    """Somebody pressed Ctrl-C."""


steps_left = float("inf")


def deadly(candidates, references):
    """A user's reward during which the run is killed."""
    global steps_left
    steps_left -= 1
    if steps_left < 0:
        raise _Killed
    return np.zeros(len(candidates))


def deadly_config(folder) -> RlFineTuningConfig:
    rewards = {**REWARDS, "deadly": {"weight": 0.0, "baseline": "none", "function": f"{__name__}:deadly"}}
    return config(folder, rewards=rewards, checkpoint_every=1e-3, kl_batch_fraction=0.0)


@pytest.fixture(scope="module")
def uninterrupted(corpus, generator, tmp_path_factory):
    return fine_tune(deadly_config(tmp_path_factory.mktemp("whole")), *arguments(corpus, generator))


# Ten steps in two epochs; checkpoints after every step and after every epoch.
@pytest.mark.parametrize("kill_at", [0, 1, 4, 5, 8])
@pytest.mark.slow
def test_a_killed_run_ends_with_the_bytes_of_an_uninterrupted_one(
    corpus, generator, tmp_path, monkeypatch, uninterrupted, kill_at
):
    # The starting weights are validated first; a step asks for sampled and for greedy reports.
    monkeypatch.setattr(pace, "LARGEST_SHARE", math.inf)  # a checkpoint after every step, whatever it costs
    monkeypatch.setattr(f"{__name__}.steps_left", 1 + 2 * kill_at + (1 if kill_at >= 5 else 0))
    with pytest.raises(_Killed):
        fine_tune(deadly_config(tmp_path), *arguments(corpus, generator))
    monkeypatch.setattr(f"{__name__}.steps_left", float("inf"))
    resumed = fine_tune(deadly_config(tmp_path), *arguments(corpus, generator))
    assert resumed.bundle.digest == uninterrupted.bundle.digest
    pd.testing.assert_frame_equal(learned(resumed.history), learned(uninterrupted.history), check_exact=True)
    assert len(values(resumed.history, "ccr_average/Cardiomegaly")) == 10


@pytest.mark.slow
def test_runs_side_by_side_end_with_the_bytes_of_one_alone(corpus, generator, whole, tmp_path):
    children = Children(2, torch.get_num_threads())
    given = arguments(corpus, generator)
    children.add("full", fine_tune, (config(tmp_path), *given))
    children.add("other", fine_tune, (config(tmp_path, system="other", seed=1, epochs=1), *given))
    full, other = children.result("full"), children.result("other")
    assert full.bundle.digest == whole.bundle.digest != other.bundle.digest
    assert full.bundle.metadata == whole.bundle.metadata
    pd.testing.assert_frame_equal(learned(full.history), learned(whole.history))


@pytest.mark.slow
@pytest.mark.usefixtures("forked_ranks")
def test_two_processes_take_the_steps_of_one_in_two_parts(corpus, generator, tmp_path):
    settings = {"epochs": 1, "batch_size": 8, "rewards": REWARDS}
    together = run_in_ranks(
        fine_tune, 2, config(tmp_path / "ranks", **settings), *arguments(corpus, generator)
    )
    alone = fine_tune(config(tmp_path / "parts", accumulate=2, **settings), *arguments(corpus, generator))
    for name, value in alone.bundle.weights.items():
        torch.testing.assert_close(together.bundle.weights[name], value, rtol=1e-3, atol=1e-5)
    both = [learned(run.history).set_index(["step", "split", "metric"])["value"] for run in (together, alone)]
    averages = [rows[rows.index.get_level_values("metric").str.contains("_average")] for rows in both]
    pd.testing.assert_series_equal(*averages, rtol=1e-4)


# Five steps an epoch, and each counts as below the floor: the run ends at its seventh step.
COLLAPSE = {"entropy": 99.0, "patience": 7, "stop": True}


def test_a_collapse_can_end_the_run_with_the_weights_of_the_last_validation(corpus, generator, tmp_path):
    run = fine_tune(config(tmp_path / "1", collapse=COLLAPSE), *arguments(corpus, generator))
    assert "collapsed at step 7: entropy" in run.bundle.metadata["ended"]
    assert len(values(run.history, "loss")) == 6
    one_epoch = fine_tune(config(tmp_path / "2", epochs=1), *arguments(corpus, generator))
    assert run.bundle.digest == one_epoch.bundle.digest != generator.digest
    assert len(values(run.history, "reward_after", "validation")) == 1


def test_a_collapse_honours_what_selects(corpus, generator, tmp_path):
    # Nobody gains by this reward, so the best epoch is the first of equals: the starting model.
    rewards = {"still": {"weight": 1.0, "baseline": "none", "function": f"{__name__}:still"}}
    chosen = config(tmp_path, collapse=COLLAPSE, select="reward/still", rewards=rewards)
    run = fine_tune(chosen, *arguments(corpus, generator))
    assert "collapsed at step 7" in run.bundle.metadata["ended"]
    assert run.bundle.digest == generator.digest


def still(candidates, references):
    """A user's reward that is the same for every report."""
    return np.ones(len(candidates))


def test_the_learning_rate_can_fall_to_zero(corpus, generator, tmp_path):
    run = fine_tune(config(tmp_path, decay=True, epochs=1, learning_rate=1e-3), *arguments(corpus, generator))
    np.testing.assert_allclose(values(run.history, "learning_rate"), [1e-3, 8e-4, 6e-4, 4e-4, 2e-4])
