"""Registers the best generator of the validation split."""

from coherent_cxr.pipelines.model_registration.pipeline import create_pipeline

__all__ = ["create_pipeline"]
