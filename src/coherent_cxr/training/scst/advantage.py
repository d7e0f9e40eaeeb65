"""From rewards to the advantage of each sampled report, with a baseline per reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.rewards import MovingAverage, Reports, Reward, WeightedReward

GroupScale = Literal["std", "none"]
"""What the deviation from a group's mean is divided by."""

SMALL_STD: Final = 1e-4
"""Added to a group's standard deviation, so that a group without spread has advantages of zero."""
SAME: Final = 1e-9
"""Rewards of a group that are no further apart count as equal."""


class AdvantageEstimate(NamedTuple):
    """What became of one step's sampled reports.

    Attributes:
        advantage: Weighted sum over rewards of reward minus baseline ``(samples,)``.
        numbers: Mean rewards by name, per term, of sampled and greedy reports, and mean batch statistics.
        spreadless: Images whose samples all earn the same ``(images,)``; with one sample each, none.
    """

    advantage: NDArray[np.float64]
    numbers: dict[str, float]
    spreadless: NDArray[np.bool_]


class Names(NamedTuple):
    """What one reward's numbers are called in the telemetry; given once, so that no name is taken apart.

    Attributes:
        sampled: Mean rewards of sampled reports, per term.
        greedy: The same of greedy reports.
        average: Moving averages, per term.
        totals: The sums over terms of the three.
        statistics: Batch statistics.
    """

    sampled: tuple[str, ...]
    greedy: tuple[str, ...]
    average: tuple[str, ...]
    totals: tuple[str, str, str]
    statistics: tuple[str, ...]

    @classmethod
    def of(cls, name: str, reward: Reward) -> Names:
        """Name the numbers of a reward: a term by reward and term, the only one by the reward alone."""
        totals = (name, f"{name}_greedy", f"{name}_average")
        sampled, greedy, average = (
            tuple(f"{total}/{term}" for term in reward.terms) if len(reward.terms) > 1 else (total,)
            for total in totals
        )
        return cls(
            sampled, greedy, average, totals, tuple(f"{name}_{s}" for s in reward.batch_statistic_names)
        )


class AdvantageEstimator:
    """Weighs rewards against their baselines.

    - ``greedy``: the reward of the report that is decoded greedily (Rennie et al. 2017);
    - ``moving_average``: one average per term over earlier steps (Liu et al. 2019, eq. 2); the first step,
      which has none, takes its own mean;
    - ``leave_one_out``: the mean reward of the other samples of the same image (Kool et al. 2019);
    - ``group``: the mean reward of all samples of the same image, the report itself included; with the scale
      ``std`` the weighted sum of all ``group`` rewards is divided by its standard deviation in the group
      (GRPO, Shao et al. 2024), with ``none`` it is not (Liu et al. 2025, "Dr. GRPO");
    - ``none``: zero.

    Only ``group`` and the first step's moving average depend on the sampled report itself; with the others
    the expected gradient is that of the expected reward. ``group`` without a scale gives (k - 1) / k of it,
    with k samples; with the scale, the gradient follows how often a report beats another one of its image.

    Estimation has no side effects. State changes only in :meth:`update`, by means over a whole step, so a
    step may be split into parts and over processes.

    Args:
        rewards: Rewards of the run.
        gamma: Decay of moving averages.
        samples: Sampled reports per image, next to each other in a step.
        group_scale: Scale of ``group`` rewards.

    Raises:
        ValueError: If numbers of two rewards would have the same name.
    """

    def __init__(
        self,
        rewards: Sequence[WeightedReward],
        gamma: float,
        samples: int = 1,
        group_scale: GroupScale = "std",
    ) -> None:
        self._rewards = list(rewards)
        self._samples = samples
        self._group_scale = group_scale
        self._names = {name: Names.of(name, reward) for name, _, _, reward in rewards}
        self._require_apart()
        self._averages = {
            name: MovingAverage(len(reward.terms), gamma)
            for name, _, baseline, reward in rewards
            if baseline == "moving_average"
        }

    def _require_apart(self) -> None:
        owners: dict[str, str] = {}
        for reward, names in self._names.items():
            for name in {name for kind in names for name in kind}:
                if name in owners:
                    raise ValueError(
                        f"The rewards '{owners[name]}' and '{reward}' would both log a number '{name}'; "
                        "rename one of them."
                    )
                owners[name] = reward

    @property
    def needs_greedy(self) -> bool:
        """Whether some reward is compared with that of the greedy report."""
        return any(reward.baseline == "greedy" for reward in self._rewards)

    def estimate(self, sampled: Reports, greedy: Reports | None, references: Reports) -> AdvantageEstimate:
        """Compute the advantage of each sampled report.

        Args:
            sampled: Sampled reports, those of one image next to each other ``(images * samples)``.
            greedy: One greedy report per image, where :attr:`needs_greedy`.
            references: One reference per image.
        """
        repeated = references.of(np.repeat(np.arange(len(references)), self._samples))
        advantage, total, in_group = (np.zeros(len(sampled)) for _ in range(3))
        numbers: dict[str, float] = {}
        for name, weight, baseline, reward in self._rewards:
            names = self._names[name]
            rewards = reward(sampled, repeated)
            numbers |= _named(names.sampled, names.totals[0], rewards.mean(axis=0))
            compared: NDArray[np.float64] | float = 0.0
            if greedy is not None:
                of_greedy = reward(greedy, references)
                numbers |= _named(names.greedy, names.totals[1], of_greedy.mean(axis=0))
                if baseline == "greedy":
                    compared = np.repeat(of_greedy, self._samples, axis=0)
            if baseline == "moving_average":
                average = self._averages[name]
                compared = average.value if average.updates else rewards.mean(axis=0)
            elif baseline == "leave_one_out":
                compared = others_mean(rewards, self._samples)
            weighted = weight * rewards.sum(axis=1)
            total += weighted
            if baseline == "group":
                in_group += weighted
            else:
                advantage += weight * (rewards - compared).sum(axis=1)
            found = reward.batch_statistics(sampled, repeated).mean(axis=0)
            numbers |= dict(zip(names.statistics, found.tolist(), strict=True))
        if any(baseline == "group" for _, _, baseline, _ in self._rewards):
            advantage += group_advantage(in_group, self._samples, self._group_scale)
        numbers["reward_std"] = float(total.std())
        spreadless = np.zeros(len(references), dtype=bool)
        if self._samples > 1:
            spreadless = without_spread(total, self._samples)
            numbers["groups_without_spread"] = float(spreadless.mean())
        return AdvantageEstimate(advantage, numbers, spreadless)

    def update(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Update averages with the numbers of a whole step.

        Returns:
            The moving averages, per term.
        """
        averages: dict[str, float] = {}
        for name, _, _, reward in self._rewards:
            names = self._names[name]
            if name in self._averages:
                average = self._averages[name]
                means = np.array([[numbers[key] for key in names.sampled]])
                if not average.updates:
                    average.start(means)
                average.update(means)
                averages |= _named(names.average, names.totals[2], average.value)
            if names.statistics:
                reward.update(np.array([numbers[key] for key in names.statistics]))
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


def group_advantage(rewards: NDArray[np.float64], samples: int, scale: GroupScale) -> NDArray[np.float64]:
    """Reward minus the mean of its image's samples, divided by their standard deviation if asked for.

    Args:
        rewards: ``(images * samples,)``.
        samples: Samples per image, at least 2.
        scale: ``std``: (R - mean) / (std + 1e-4), the standard deviation of the group as it is (divided by
            k); ``none``: R - mean.
    """
    grouped = rewards.reshape(-1, samples)
    apart = grouped - grouped.mean(axis=1, keepdims=True)
    if scale == "std":
        apart = apart / (grouped.std(axis=1, keepdims=True) + SMALL_STD)
    return np.asarray(apart.reshape(rewards.shape))


def without_spread(rewards: NDArray[np.float64], samples: int) -> NDArray[np.bool_]:
    """Find images whose samples all earn the same, so that they teach nothing among themselves.

    Args:
        rewards: ``(images * samples,)``.
        samples: Samples per image.

    Returns:
        ``(images,)``.
    """
    return np.asarray(np.ptp(rewards.reshape(-1, samples), axis=1) <= SAME)


def _named(terms: Sequence[str], total: str, means: NDArray[np.float64]) -> dict[str, float]:
    """Name the sum over terms and, where there are several, each term."""
    return {**dict(zip(terms, means.tolist(), strict=True)), total: float(means.sum())}
