"""What labels, eyes, decisions and words each lose."""

from coherent_cxr.pipelines.ablation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
