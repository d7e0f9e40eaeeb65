"""Two recorded runs are set side by side."""

from coherent_cxr.pipelines.compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
