"""Radiographs are drawn, or the corpus' own are named."""

from coherent_cxr.pipelines.fabrication.pipeline import create_pipeline

__all__ = ["create_pipeline"]
