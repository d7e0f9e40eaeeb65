"""Scores every system on the test split."""

from coherent_cxr.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
