"""The systems that the generator is compared with."""

from coherent_cxr.pipelines.baselines.pipeline import create_pipeline

__all__ = ["create_pipeline"]
