"""Reports of studies by a registered model."""

from coherent_cxr.pipelines.inference.pipeline import create_pipeline

__all__ = ["create_pipeline"]
