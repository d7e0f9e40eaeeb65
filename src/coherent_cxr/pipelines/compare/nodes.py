"""Node of the stage."""

from __future__ import annotations

import mlflow

from coherent_cxr.evaluation.report.comparison.page import CompareConfig, comparison_page
from coherent_cxr.pipelines.compare.runs import find_runs


def compare_runs(config: CompareConfig) -> str:
    """Write the page of two runs of the project's tracking server."""
    return comparison_page(*find_runs(config, mlflow.MlflowClient()))
