"""Downloads Open-I from its publisher."""

from coherent_cxr.pipelines.download_openi.pipeline import create_pipeline

__all__ = ["create_pipeline"]
