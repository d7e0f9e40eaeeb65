"""Describes a corpus on one page: counts in and out, with reasons."""

from coherent_cxr.pipelines.quality_report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
