"""The best generator on the validation split becomes a registered model."""

from coherent_cxr.pipelines.model_registration.pipeline import create_pipeline

__all__ = ["create_pipeline"]
