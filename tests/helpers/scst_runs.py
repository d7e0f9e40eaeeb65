"""Reinforcement runs on a corpus of two dozen studies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coherent_cxr.training.scst.train import RlFineTuningConfig
from helpers.training_corpus import LABELER

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


def values(history: pd.DataFrame, metric: str, split: str = "train") -> np.ndarray:
    rows = history[(history["metric"] == metric) & (history["split"] == split)]
    return rows.sort_values("step", kind="stable")["value"].to_numpy()
