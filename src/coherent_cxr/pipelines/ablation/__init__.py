"""Where clinical accuracy is lost: labels, encoder ("eyes"), decisions, text ("words")."""

from coherent_cxr.pipelines.ablation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
