"""Fabricates a corpus in MIMIC-CXR's published format."""

from coherent_cxr.pipelines.mimic_fabrication.pipeline import create_pipeline

__all__ = ["create_pipeline"]
