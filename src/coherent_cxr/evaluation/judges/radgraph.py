"""RadGraph-F1 (Delbrouck et al. 2022): entities and relations in common, by the package ``radgraph``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np

from coherent_cxr.evaluation.judges.interface import Judge, lacks_package
from coherent_cxr.evaluation.metrics.measures import Metric, SumMeasure, mean_measure


class RadGraph(Judge):
    """The "partial" score: entities with their types, and whether they stand in a relation."""

    name = "RadGraph"
    metrics = (Metric("RadGraph-F1"),)

    def missing(self) -> str | None:
        """Return what it lacks."""
        if self.config.radgraph is None:
            return (
                f"{self.name} was not run: install the package `radgraph` and set evaluation.judges.radgraph "
                "to the model it should load, such as radgraph-xl; PhysioNet's terms apply to its weights."
            )
        return lacks_package("radgraph", self.name, "radgraph")

    def measure(self, candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
        """Score pair by pair, mean over studies."""
        scorer = import_module("radgraph").F1RadGraph(reward_level="partial", model_type=self.config.radgraph)
        scores = scorer(hyps=list(candidates), refs=list(references))[1]
        return mean_measure(self.metrics, np.asarray(scores, dtype=np.float64)[:, None])
