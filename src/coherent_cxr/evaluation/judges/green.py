"""GREEN (Ostmeier et al. 2024): a language model that counts clinically significant errors."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np

from coherent_cxr.evaluation.judges.interface import Judge, lacks_package
from coherent_cxr.evaluation.metrics.measures import Metric, SumMeasure, mean_measure


class Green(Judge):
    """Matched findings over those and the significant errors, 0 to 1, by the package ``green_score``."""

    name = "GREEN"
    metrics = (Metric("GREEN"),)

    def missing(self) -> str | None:
        """Return what it lacks."""
        if self.config.green is None:
            return (
                f"{self.name} was not run: install the package `green_score` (it needs a GPU) and set "
                "evaluation.judges.green to a folder with its weights, StanfordAIMI/GREEN-radllama2-7b."
            )
        return lacks_package("green_score", self.name, "green_score")

    def measure(self, candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
        """Score pair by pair, mean over studies."""
        judge = import_module("green_score").GREEN(self.config.green)
        scores = judge(list(references), list(candidates))[2]
        return mean_measure(self.metrics, np.asarray(scores, dtype=np.float64)[:, None])
