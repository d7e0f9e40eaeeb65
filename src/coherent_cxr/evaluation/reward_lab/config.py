"""Settings of the reward lab."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt

from coherent_cxr.configuration import Settings, require
from coherent_cxr.rewards import RewardConfig


class RewardLabConfig(Settings):
    """Which objectives are tried, and on what.

    Attributes:
        split: Split whose references are the right reports.
        normal_report: The normal report.
        objectives: What is tried, by name: rewards as a run has them.
        seed: Seed of what is shuffled.
    """

    split: Literal["train", "validation", "test"]
    normal_report: str
    objectives: dict[str, dict[str, RewardConfig]]
    seed: NonNegativeInt

    def check(self) -> None:
        """Refuse rewards that do not exist, and objectives without any."""
        for name, rewards in self.objectives.items():
            weights = {reward: config.weight for reward, config in rewards.items()}
            key = f"reward_lab.objectives.{name}"
            require(any(weight > 0 for weight in weights.values()), key, weights, "positive for at least one")
            for reward, config in rewards.items():
                config.checked(reward)
