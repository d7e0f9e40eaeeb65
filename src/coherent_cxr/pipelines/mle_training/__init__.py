"""Trains the generator by maximum likelihood."""

from coherent_cxr.pipelines.mle_training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
