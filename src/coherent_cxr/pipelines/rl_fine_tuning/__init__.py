"""The generator learns by reinforcement: NLG, CCR, both, and both with F-beta, under namespaces."""

from coherent_cxr.pipelines.rl_fine_tuning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
