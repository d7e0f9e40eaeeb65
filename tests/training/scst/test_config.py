"""Settings of reinforcement that are possible, and those that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.training.scst.train import RlFineTuningConfig
from helpers.scst_runs import config
from helpers.settings import filled

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("select", ["macro_f", "rewards", "reward/bleu", ""])
def test_what_selects_must_be_a_validation_number(tmp_path, select):
    with pytest.raises(ConfigurationError, match=r"rl_fine_tuning.select.*null or one of reward,") as refused:
        config(tmp_path, select=select)
    assert "reward/cider" in str(refused.value)


@pytest.mark.parametrize("system", ["nlg", "ccr", "full", "full_fbeta"])
def test_the_shipped_settings_are_possible_and_named_after_their_namespace(system):
    shipped = yaml.safe_load((REPOSITORY / "conf/base/rl_fine_tuning/parameters.yml").read_text())
    built = filled(RlFineTuningConfig, **shipped[system]["rl_fine_tuning"])
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
        (
            {"rewards": {"ccr": {"weight": 1.0, "baseline": "group"}}, "samples": 1},
            "2 or more: 'ccr' is group",
        ),
        ({"group_scale": "max"}, "group_scale' is 'max'"),
        ({"sample_uses": 0}, "sample_uses' is 0"),
        ({"clip": {"low": 1.0}}, "clip.low' is 1.0"),
        ({"clip": {"high": 1.0}}, "clip.high' is 1.0"),
        ({"kl": {"coefficient": -0.1}}, "kl.coefficient' is -0.1"),
        ({"kl": {"target": 3.0}}, "kl.target' is 3.0; it must be null"),
        (
            {"kl": {"coefficient": 0.1}, "kl_batch_fraction": 0.0},
            "kl_batch_fraction' is 0.0; it must be above",
        ),
        ({"guided": {"share": 1.5}}, "guided.share' is 1.5"),
        ({"preference": {"beta": 0.0}}, "preference.beta' is 0.0"),
        (
            {"preference": {"weight": 1.0}, "samples": 1, "rewards": {"cider": {"weight": 1.0}}},
            "preference.weight needs images",
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
