"""Fine-tunes the generator by reinforcement; one namespace per system."""

from coherent_cxr.pipelines.rl_fine_tuning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
