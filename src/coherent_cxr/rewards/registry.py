"""Rewards by name, and how a run weighs them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat

from coherent_cxr.configuration import Settings, require
from coherent_cxr.rewards.clinical.coherence import CcrSettings, WeightedCcrSettings
from coherent_cxr.rewards.clinical.f_beta import FBetaSettings
from coherent_cxr.rewards.clinical.recall_at_precision import RecallAtPrecisionSettings
from coherent_cxr.rewards.clinical.severity import ClinicalSeveritySettings
from coherent_cxr.rewards.clinical.signed import SignedCcrSettings
from coherent_cxr.rewards.interface import Baseline, Reward, RewardContext
from coherent_cxr.rewards.language.fluency import LengthSettings, RepetitionSettings
from coherent_cxr.rewards.language.overlap import BleuSettings, CiderSettings, RougeLSettings
from coherent_cxr.rewards.reports import Reports


class RewardSettings(Protocol):
    """Settings of one reward that can build it."""

    def build(self, context: RewardContext) -> Reward:
        """Return the reward."""


class Registered(NamedTuple):
    """A reward that configuration can name.

    Attributes:
        settings: Class of its settings.
        baseline: Baseline that is used unless another is named.
    """

    settings: type[Any]
    baseline: Baseline


REWARDS: Final[dict[str, Registered]] = {
    "cider": Registered(CiderSettings, "greedy"),
    "ccr": Registered(CcrSettings, "moving_average"),
    "ccr_weighted": Registered(WeightedCcrSettings, "moving_average"),
    "ccr_signed": Registered(SignedCcrSettings, "greedy"),
    "f_beta": Registered(FBetaSettings, "moving_average"),
    "recall_at_precision": Registered(RecallAtPrecisionSettings, "greedy"),
    "clinical_severity": Registered(ClinicalSeveritySettings, "greedy"),
    "bleu": Registered(BleuSettings, "greedy"),
    "rouge_l": Registered(RougeLSettings, "greedy"),
    "repetition": Registered(RepetitionSettings, "greedy"),
    "length": Registered(LengthSettings, "greedy"),
}


class RewardConfig(Settings):
    """How a run uses one reward.

    Attributes:
        weight: Weight in the advantage, 0 or more (a penalty is negative by itself); 0 only shows the reward
            in the history.
        baseline: ``greedy``, ``moving_average``, ``leave_one_out``, ``group`` or ``none``; null is the
            reward's own.
        function: Import path ``module:function`` of a reward that is not registered:
            ``(candidates, references) -> (batch,) or (batch, terms)``, both :class:`.Reports`.
        settings: Settings of a registered reward.
    """

    weight: NonNegativeFloat
    baseline: Baseline | None = None
    function: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)

    def check(self) -> None:
        """Refuse impossible values."""
        if self.function is not None:
            module, _, name = self.function.partition(":")
            require(bool(module and name), "rewards.function", self.function, "written module:function")
            require(not self.settings, "rewards.settings", self.settings, "empty beside `function`")

    def checked(self, name: str) -> None:
        """Refuse a name that is not registered, and settings that its reward does not take."""
        if self.function is None:
            require(name in REWARDS, "rewards", name, f"one of {', '.join(REWARDS)}, or have a `function`")
            REWARDS[name].settings(**self.settings)

    def build(self, name: str, context: RewardContext) -> WeightedReward:
        """Return the reward ready for use."""
        if self.function is not None:
            return WeightedReward(
                name, self.weight, self.baseline or "greedy", _imported(name, self.function)
            )
        registered = REWARDS[name]
        settings: RewardSettings = registered.settings(**self.settings)
        baseline = self.baseline or registered.baseline
        return WeightedReward(name, self.weight, baseline, settings.build(context))


class WeightedReward(NamedTuple):
    """A reward of a run.

    Attributes:
        name: Its name in the configuration and the history.
        weight: Weight in the advantage.
        baseline: What it is compared with.
        reward: The reward.
    """

    name: str
    weight: float
    baseline: Baseline
    reward: Reward


def build_rewards(configs: Mapping[str, RewardConfig], context: RewardContext) -> list[WeightedReward]:
    """Build all rewards of a run, in the order of the configuration."""
    return [config.build(name, context) for name, config in configs.items()]


def _imported(name: str, path: str) -> Reward:
    module, _, attribute = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"The reward '{name}' names the function '{path}', which cannot be imported: {error}. Write "
            "module:function, and install the module or put it on PYTHONPATH."
        ) from error
    terms = tuple(getattr(function, "terms", (name,)))

    def reward(candidates: Reports, references: Reports) -> NDArray[np.float64]:
        values = np.asarray(function(candidates, references), dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if values.shape != (len(candidates), len(terms)) or not np.isfinite(values).all():
            raise ValueError(
                f"The reward '{name}' ({path}) returned values of shape {values.shape} for {len(candidates)} "
                f"reports and the terms {', '.join(terms)}; it must return finite numbers of shape "
                f"{(len(candidates), len(terms))}. Set `{attribute}.terms` to name several terms."
            )
        return values

    return Reward(terms, reward)
