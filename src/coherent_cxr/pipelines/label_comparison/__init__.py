"""Compares our labels with those that a corpus ships."""

from coherent_cxr.pipelines.label_comparison.pipeline import create_pipeline

__all__ = ["create_pipeline"]
