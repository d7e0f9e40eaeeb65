"""Phantoms are made, or the corpus' own radiographs are named."""

from coherent_cxr.pipelines.fabrication.pipeline import create_pipeline

__all__ = ["create_pipeline"]
