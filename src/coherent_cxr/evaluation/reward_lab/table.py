"""Scores right and wrong reports by every objective, and says which wrong ones an objective prefers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import POSITIVE
from coherent_cxr.evaluation.reward_lab import edits
from coherent_cxr.evaluation.reward_lab.edits import FINDINGS, LabelReports, Report
from coherent_cxr.reports.text import metric_text
from coherent_cxr.rewards import Reports, RewardConfig, RewardContext, WeightedReward, build_rewards

TRUE: Final = "the true report"
NORMAL: Final = "the normal report"
EMPTY: Final = "an empty report"
NEAR_MISS: Final = "one finding taken for another"
FLIPPED: Final = "one negation flipped"
DROPPED: Final = "a finding dropped"
DOUBLED: Final = "a sentence doubled"
HALF: Final = "cut to half"

SILENCE: Final = (NORMAL, EMPTY)
NEAR: Final = (NEAR_MISS, FLIPPED, DROPPED, DOUBLED, HALF)
"""Texts with one error, which are worth more than silence where there is something to find."""

PREFERS, TIES, RIGHT = "prefers the wrong text", "cannot tell", "right"
TIE: Final = 1e-9


def variants(
    references: Sequence[Report],
    training: Sequence[Report],
    normal: Report,
    label: LabelReports,
    seed: int,
) -> dict[str, list[Report | None]]:
    """Return every kind of text for each reference; None where a kind does not apply to it.

    Args:
        references: The right reports.
        training: Training reports, for sentences that affirm a finding.
        normal: The normal report.
        label: Labels reports.
        seed: Seed of what is shuffled.
    """
    dice = np.random.default_rng(seed)
    sentences = edits.affirming_sentences(training, label)
    shift = int(dice.integers(1, len(references))) if len(references) > 1 else 0
    others = [references[(place + shift) % len(references)] for place in range(len(references))]
    return {
        TRUE: list(references),
        NORMAL: [normal] * len(references),
        "all findings affirmed": [list(sentences.values())] * len(references),
        EMPTY: [[] for _ in references],
        "another study's report": [
            other if other != report else None for other, report in zip(others, references, strict=True)
        ],
        "its words shuffled": [edits.with_words_shuffled(report, dice) for report in references],
        FLIPPED: [edits.with_a_flip(report, label) for report in references],
        DOUBLED: [edits.with_a_sentence_doubled(report) for report in references],
        DROPPED: [edits.without_a_finding(report, label) for report in references],
        NEAR_MISS: [edits.with_another_finding(report, label, sentences) for report in references],
        HALF: [edits.cut_to_half(report) for report in references],
    }


def compare(
    objectives: Mapping[str, Mapping[str, RewardConfig]],
    texts: Mapping[str, Sequence[Report | None]],
    label: LabelReports,
    context: RewardContext,
) -> pd.DataFrame:
    """Compare, by every objective, each wrong text with the true report and silence with near misses.

    Silence, a normal or an empty report, is compared with near misses on references with a finding only.

    Args:
        objectives: Rewards by the name of the objective.
        texts: What :func:`variants` gave.
        label: Labels reports.
        context: What rewards may know of the training split.

    Returns:
        objective, wrong, better, references (those both texts apply to), value_wrong, value_better,
        difference, share_preferred (of references that single reports of the wrong text earn more on) and
        verdict.
    """
    right = [report or [] for report in texts[TRUE]]
    read = {name: _read([report or [] for report in reports], label) for name, reports in texts.items()}
    applies = {name: np.array([r is not None for r in reports]) for name, reports in texts.items()}
    with_finding = (read[TRUE].labels[:, FINDINGS] == POSITIVE).any(axis=1)
    pairs = [(wrong, TRUE, np.ones(len(right), dtype=bool)) for wrong in texts if wrong != TRUE]
    pairs += [(silent, near, with_finding) for silent in SILENCE for near in NEAR]
    rows: list[dict[str, Any]] = []
    for name, configs in objectives.items():
        rewards = build_rewards(configs, context)
        for _, _, _, reward in rewards:  # at the rates of a generator that is always right
            if reward.batch_statistic_names:
                reward.update(reward.batch_statistics(read[TRUE], read[TRUE]).mean(axis=0))
        scored = {text: _scores(rewards, reports, read[TRUE]) for text, reports in read.items()}
        for wrong, better, among in pairs:
            chosen = among & applies[wrong] & applies[better]
            if not chosen.any():
                continue
            values = [_objective(rewards, scored[text][1], chosen) for text in (wrong, better)]
            singly = scored[wrong][0][chosen] - scored[better][0][chosen]
            difference = values[0] - values[1]
            rows.append(
                {
                    "objective": name,
                    "wrong": wrong,
                    "better": better,
                    "references": int(chosen.sum()),
                    "value_wrong": values[0],
                    "value_better": values[1],
                    "difference": difference,
                    "share_preferred": float((singly > TIE).mean()),
                    "verdict": PREFERS if difference > TIE else TIES if difference > -TIE else RIGHT,
                }
            )
    return pd.DataFrame(rows)


def failures(table: pd.DataFrame) -> list[str]:
    """Say in sentences which objectives prefer a wrong text."""
    wrong = table[table["verdict"] == PREFERS]
    return [
        f"{row.objective} prefers {row.wrong} to {row.better}: {row.value_wrong:.3f} against "
        f"{row.value_better:.3f} on {row.references} references."
        for row in wrong.itertuples()
    ]


def _read(reports: Sequence[Report], label: LabelReports) -> Reports:
    return Reports([metric_text(report) for report in reports], label(reports))


def _scores(
    rewards: Sequence[WeightedReward], candidates: Reports, references: Reports
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Return the weighted reward of each report, and each reward's statistics."""
    total = np.zeros(len(candidates))
    for _, weight, _, reward in rewards:
        total += weight * reward(candidates, references).sum(axis=1)
    return total, [reward.statistics(candidates, references) for _, _, _, reward in rewards]


def _objective(
    rewards: Sequence[WeightedReward],
    statistics: Sequence[NDArray[np.float64]],
    chosen: NDArray[np.bool_],
) -> float:
    return sum(
        weight * float(reward.objective(numbers[chosen].mean(axis=0)))
        for (_, weight, _, reward), numbers in zip(rewards, statistics, strict=True)
    )
