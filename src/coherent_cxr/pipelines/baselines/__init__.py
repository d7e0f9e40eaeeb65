"""Builds the baselines and their reports."""

from coherent_cxr.pipelines.baselines.pipeline import create_pipeline

__all__ = ["create_pipeline"]
