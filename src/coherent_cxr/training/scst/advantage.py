"""From rewards to the advantage of each sampled report, with a baseline per reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.rewards import MovingAverage, Reports, WeightedReward


class Judged(NamedTuple):
    """Advantages and telemetry of one step's sampled reports.

    Attributes:
        advantage: Weighted sum over rewards of reward minus baseline ``(samples,)``.
        numbers: Mean rewards by name, per term, of sampled and greedy reports, and mean batch statistics.
    """

    advantage: NDArray[np.float64]
    numbers: dict[str, float]


class AdvantageEstimator:
    """Weighs rewards against their baselines.

    - ``greedy``: the reward of the report that is decoded greedily (Rennie et al. 2017);
    - ``moving_average``: one average per term over earlier steps (Liu et al. 2019, eq. 2); the first step,
      which has none, takes its own mean;
    - ``leave_one_out``: the mean reward of the other samples of the same image (Kool et al. 2019);
    - ``none``: zero.

    None of them depends on the sampled report itself (the first moving average aside), so the expected
    gradient is that of the expected reward whichever is chosen.

    Estimation has no side effects. State changes only in :meth:`update`, by means over a whole step, so a
    step may be split into parts and over processes.

    Args:
        rewards: Rewards of the run.
        gamma: Decay of moving averages.
        samples: Sampled reports per image, next to each other in a step.
    """

    def __init__(self, rewards: Sequence[WeightedReward], gamma: float, samples: int = 1) -> None:
        self._rewards = list(rewards)
        self._samples = samples
        self._averages = {
            name: MovingAverage(len(reward.terms), gamma)
            for name, _, baseline, reward in rewards
            if baseline == "moving_average"
        }

    @property
    def needs_greedy(self) -> bool:
        """Whether some reward is compared with that of the greedy report."""
        return any(reward.baseline == "greedy" for reward in self._rewards)

    def estimate(self, sampled: Reports, greedy: Reports | None, references: Reports) -> Judged:
        """Compute the advantage of each sampled report.

        Args:
            sampled: Sampled reports, those of one image next to each other ``(images * samples)``.
            greedy: One greedy report per image, where :attr:`needs_greedy`.
            references: One reference per image.
        """
        repeated = references.of(np.repeat(np.arange(len(references)), self._samples))
        advantage = np.zeros(len(sampled))
        numbers: dict[str, float] = {}
        for name, weight, baseline, reward in self._rewards:
            rewards = reward(sampled, repeated)
            numbers |= _named(name, reward.terms, rewards.mean(axis=0))
            compared: NDArray[np.float64] | float = 0.0
            if greedy is not None:
                of_greedy = reward(greedy, references)
                numbers |= _named(f"{name}_greedy", reward.terms, of_greedy.mean(axis=0))
                if baseline == "greedy":
                    compared = np.repeat(of_greedy, self._samples, axis=0)
            if baseline == "moving_average":
                average = self._averages[name]
                compared = average.value if average.updates else rewards.mean(axis=0)
            elif baseline == "leave_one_out":
                compared = others_mean(rewards, self._samples)
            advantage += weight * (rewards - compared).sum(axis=1)
            found = reward.batch_statistics(sampled, repeated).mean(axis=0)
            numbers |= {
                f"{name}_{t}": float(v) for t, v in zip(reward.batch_statistic_names, found, strict=True)
            }
        return Judged(advantage, numbers)

    def update(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Update averages with the numbers of a whole step.

        Returns:
            The moving averages, per term.
        """
        averages: dict[str, float] = {}
        for name, _, _, reward in self._rewards:
            if name in self._averages:
                average = self._averages[name]
                means = np.array([[numbers[key] for key in _names(name, reward.terms)]])
                if not average.updates:
                    average.start(means)
                average.update(means)
                averages |= _named(f"{name}_average", reward.terms, average.value)
            if reward.batch_statistic_names:
                reward.update(
                    np.array([numbers[f"{name}_{name_of}"] for name_of in reward.batch_statistic_names])
                )
        return averages

    def state_dict(self) -> dict[str, Any]:
        """Return averages and the rewards' statistics, as JSON."""
        return {
            "averages": {name: average.state_dict() for name, average in self._averages.items()},
            "rewards": {name: reward.state_dict() for name, _, _, reward in self._rewards},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name, average in self._averages.items():
            average.load_state_dict(state["averages"][name])
        for name, _, _, reward in self._rewards:
            reward.load_state_dict(state["rewards"][name])


def others_mean(rewards: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Mean reward of the other samples of the same image.

    Args:
        rewards: ``(images * samples, terms)``.
        samples: Samples per image, at least 2.
    """
    grouped = rewards.reshape(-1, samples, rewards.shape[1])
    others = (grouped.sum(axis=1, keepdims=True) - grouped) / (samples - 1)
    return np.asarray(others.reshape(rewards.shape))


def _names(name: str, terms: tuple[str, ...]) -> list[str]:
    """Return the name of each term's mean: the reward's own name where it is the only one."""
    return [f"{name}/{term}" for term in terms] if len(terms) > 1 else [name]


def _named(name: str, terms: tuple[str, ...], means: NDArray[np.float64]) -> dict[str, float]:
    """Name the sum over terms and, where there are several, each term."""
    return {**dict(zip(_names(name, terms), means.tolist(), strict=True)), name: float(means.sum())}
