"""Trains the image encoder on the CheXpert labels of the training split."""

from coherent_cxr.pipelines.encoder_pretraining.pipeline import create_pipeline

__all__ = ["create_pipeline"]
