"""Splits by patient, builds the vocabulary, encodes reports as word ids."""

from coherent_cxr.pipelines.vocabulary_building.pipeline import create_pipeline

__all__ = ["create_pipeline"]
