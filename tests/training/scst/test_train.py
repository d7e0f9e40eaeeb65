"""Reinforcement runs on a corpus of two dozen studies: what they raise, resume, show and refuse."""

from __future__ import annotations

import json
import logging
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.evaluation.report.figures.curves import REWARD_PANELS, reward_curves
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.runtime import pace
from coherent_cxr.runtime.children import Children
from coherent_cxr.runtime.distributed import run_in_ranks
from coherent_cxr.training.scst.telemetry import CollapseConfig, CollapseWatch, PolicyCollapsedError
from coherent_cxr.training.scst.train import RlFineTuningConfig, fine_tune
from helpers.tiny_generator import make_generator
from helpers.training_corpus import LABELER

REPOSITORY = Path(__file__).parents[3]
TIMES = ["images_per_second", "step_seconds", "reward_seconds", "reward_share"]
# What the labeller and CIDEr-D still know differs after a restart; nothing that is learned depends on it.
MEMORIES = ["labeller_hit_rate", "cider_hit_rate"]
REWARDS = {
    "cider": {"weight": 1.0},
    "ccr": {"weight": 1.0},
    "f_beta": {"weight": 0.5},
    "rouge_l": {"weight": 0.0, "baseline": "leave_one_out"},
    "repetition": {"weight": 0.0},
    "length": {"weight": 0.0},
}


@pytest.fixture(scope="session")
def generator(corpus) -> ModelBundle:
    return make_generator(corpus)


@pytest.fixture(scope="session")
def features(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("features"))


def arguments(corpus, generator):
    return (
        generator,
        corpus.store,
        corpus.encoded_reports,
        corpus.findings,
        corpus.labels,
        corpus.document_frequencies,
        LABELER,
    )


def config(folder, **changes) -> RlFineTuningConfig:
    settings = {
        "system": "full",
        "rewards": REWARDS,
        "samples": 2,
        "epochs": 2,
        "batch_size": 6,
        "learning_rate": 1e-3,
        "kl_batch_fraction": 0.5,
        "precision": "fp32",
        "checkpoint_folder": str(folder),
    }
    return RlFineTuningConfig(**{**settings, **changes})


def learned(history: pd.DataFrame) -> pd.DataFrame:
    """Drop what a restart may change: times and the memory of what was seen."""
    return history[~history["metric"].isin([*TIMES, *MEMORIES])].reset_index(drop=True)


@pytest.fixture(scope="session")
def whole(corpus, generator, features):
    return fine_tune(config(features), *arguments(corpus, generator))


def values(history: pd.DataFrame, metric: str, split: str = "train") -> np.ndarray:
    rows = history[(history["metric"] == metric) & (history["split"] == split)]
    return rows.sort_values("step", kind="stable")["value"].to_numpy()


def gain_of(history: pd.DataFrame, reports: str) -> list[float]:
    names = ("before", "after", "low", "high")
    return [values(history, f"{reports}_{name}", "validation")[0] for name in names]


def hearts(candidates, references):
    """A user's reward: the share of words that are "heart"."""
    return [text.split().count("heart") / max(len(text.split()), 1) for text in candidates.texts]


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


def documented() -> set[str]:
    """Metric names of the table in docs/rewards.md."""
    section = (REPOSITORY / "docs" / "rewards.md").read_text().split("## What a run records")[1]
    return {
        name
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`(.*?)`", row)
    }


def test_every_recorded_number_is_documented_and_the_other_way_round(whole):
    names = {
        re.sub(r"/(?!.*/).*", "/<term>", metric)
        for metric in whole.history.loc[whole.history["split"] == "train", "metric"]
    }
    for reward in sorted(REWARDS, key=len, reverse=True):
        names = {re.sub(rf"^{reward}(?!_hit_rate)(?=$|_|/)", "<reward>", name) for name in names}
    assert names == {name for name in documented() if not name.startswith("validation: ")}
    recorded = set(whole.history.loc[whole.history["split"] == "validation", "metric"])
    promised = {n.removeprefix("validation: ") for n in documented() if n.startswith("validation: ")}
    assert promised - {"reward/<reward>"} <= recorded
    assert {f"reward/{name}" for name in REWARDS} <= recorded


def test_numbers_of_every_step_are_possible(whole):
    history = whole.history
    assert len(values(history, "kl")) == 10
    assert values(history, "kl")[0] == pytest.approx(0, abs=1e-4)  # it begins as the starting model
    for share in ("unique_reports", "repeat_rate", "labeller_hit_rate", "cider_hit_rate", "reward_share"):
        assert ((values(history, share) >= 0) & (values(history, share) <= 1)).all()
    assert (values(history, "entropy") > 0).all()
    np.testing.assert_allclose(
        values(history, "ccr"),
        sum(values(history, m) for m in history["metric"].unique() if m.startswith("ccr/")),
    )
    json.dumps(history.to_dict("records"), allow_nan=False)


def test_curves_show_every_panel_that_has_something_to_show(whole):
    titles = [panel.title for panel in REWARD_PANELS]
    figure = reward_curves("full", whole.history)
    assert [axis.get_title(loc="left") for axis in figure.axes] == titles
    assert len(figure.axes[5].lines) == 13  # CCR average per observation
    without = whole.history[~whole.history["metric"].str.startswith("f_beta")]
    shown = [axis.get_title(loc="left") for axis in reward_curves("ccr", without).axes if axis.get_visible()]
    assert shown == [title for title in titles if title != "F-beta reward"]


# Five steps an epoch, and each counts as below the threshold: the run ends at its seventh step.
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


@pytest.mark.parametrize("select", ["macro_f", "rewards", "reward/bleu", ""])
def test_what_selects_must_be_a_validation_number(tmp_path, select):
    with pytest.raises(ConfigurationError, match=r"rl_fine_tuning.select.*null or one of reward,") as refused:
        config(tmp_path, select=select)
    assert "reward/cider" in str(refused.value)


def test_a_collapse_warns_once_in_words(caplog):
    watch = CollapseWatch(CollapseConfig(patience=2, entropy=0.0), "full")
    low, high = {"unique_reports": 0.05, "entropy": 1.0}, {"unique_reports": 0.9, "entropy": 1.0}
    with caplog.at_level(logging.WARNING):
        for step, numbers in enumerate([low, high, low, low, low, low]):
            watch.observe(step, numbers)
    (message,) = [record.getMessage() for record in caplog.records]
    assert "full has collapsed at step 3: unique_reports 0.050 (threshold 0.1), 2 steps in a row" in message
    assert "Lower the learning rate" in message
    again = CollapseWatch(CollapseConfig(patience=5, entropy=0.0, stop=True), "full")
    again.load_state_dict(watch.state_dict())  # four in a row so far
    with pytest.raises(PolicyCollapsedError, match="5 steps in a row"):
        again.encode_regions(6, low)


@pytest.mark.parametrize("system", ["nlg", "ccr", "full", "full_fbeta"])
def test_the_shipped_settings_are_possible_and_named_after_their_namespace(system):
    shipped = yaml.safe_load((REPOSITORY / "conf" / "base" / "rl_fine_tuning" / "parameters.yml").read_text())
    built = RlFineTuningConfig(**shipped[system]["rl_fine_tuning"])
    assert built.system == system
    assert built.rewards["repetition"].weight == built.rewards["length"].weight == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rewards": {"cider": {"weight": 0.0}}}, "positive for at least one"),
        ({"rewards": {"cidr": {"weight": 1.0}}}, "'cidr'"),
        (
            {"rewards": {"ccr": {"weight": 1.0, "baseline": "leave_one_out"}}, "samples": 1},
            "2 or more: 'ccr'",
        ),
        ({"gamma": 1.0}, "gamma' is 1.0"),
        ({"top_p": 0.0}, "top_p' is 0.0"),
        ({"temperature": 0.0}, "temperature' is 0.0"),
        ({"kl_batch_fraction": 1.5}, "kl_batch_fraction' is 1.5"),
        ({"checkpoint_every": 0}, "checkpoint_every' is 0"),
        ({"collapse": {"patience": 0}}, "collapse.patience' is 0"),
    ],
)
def test_impossible_settings_are_refused_in_words(tmp_path, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        config(tmp_path, **changes)


def test_the_learning_rate_can_fall_to_zero(corpus, generator, tmp_path):
    run = fine_tune(config(tmp_path, decay=True, epochs=1, learning_rate=1e-3), *arguments(corpus, generator))
    np.testing.assert_allclose(values(run.history, "learning_rate"), [1e-3, 8e-4, 6e-4, 4e-4, 2e-4])
