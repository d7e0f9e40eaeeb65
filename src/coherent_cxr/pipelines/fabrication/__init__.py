"""Makes phantoms, or names the corpus' own radiographs."""

from coherent_cxr.pipelines.fabrication.pipeline import create_pipeline

__all__ = ["create_pipeline"]
