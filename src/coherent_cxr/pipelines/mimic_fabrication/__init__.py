"""A MIMIC-CXR is invented, as published in everything but its content."""

from coherent_cxr.pipelines.mimic_fabrication.pipeline import create_pipeline

__all__ = ["create_pipeline"]
