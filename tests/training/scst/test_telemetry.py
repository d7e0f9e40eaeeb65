"""What a reinforcement run records and shows, and when it says that it collapsed."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest

from coherent_cxr.evaluation.report.figures.curves import REWARD_PANELS, reward_curves
from coherent_cxr.training.scst.telemetry import CollapseConfig, CollapseWatch, PolicyCollapsedError
from helpers.scst_runs import REWARDS, values
from helpers.settings import filled

REPOSITORY = Path(__file__).parents[3]


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
    assert (values(history, "kl_k3") >= -1e-6).all()
    assert (values(history, "clip_ratio") == values(history, "kl_coefficient")).all()  # neither is used
    shares = history[history["metric"].str.match("positive_(calls|references)/|groups_without_spread")]
    assert shares["value"].between(0, 1).all()
    assert 0 < values(history, "positive_references/Cardiomegaly").mean() < 1  # a third of the corpus
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


def test_a_collapse_warns_once_in_words(caplog):
    watch = CollapseWatch(filled(CollapseConfig, patience=2, entropy=0.0), "full")
    low, high = {"unique_reports": 0.05, "entropy": 1.0}, {"unique_reports": 0.9, "entropy": 1.0}
    with caplog.at_level(logging.WARNING):
        for step, numbers in enumerate([low, high, low, low, low, low]):
            watch.observe(step, numbers)
    (message,) = [record.getMessage() for record in caplog.records]
    assert "full has collapsed at step 3: unique_reports 0.050 (threshold 0.1), 2 steps in a row" in message
    assert "Lower the learning rate" in message
    again = CollapseWatch(filled(CollapseConfig, patience=5, entropy=0.0, stop=True), "full")
    again.load_state_dict(watch.state_dict())  # four in a row so far
    with pytest.raises(PolicyCollapsedError, match="5 steps in a row"):
        again.observe(6, low)
