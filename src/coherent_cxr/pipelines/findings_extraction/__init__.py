"""Extracts the findings sections as sentences and tokens."""

from coherent_cxr.pipelines.findings_extraction.pipeline import create_pipeline

__all__ = ["create_pipeline"]
