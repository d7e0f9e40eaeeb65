"""Compares two recorded runs."""

from coherent_cxr.pipelines.compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
