"""Decodes all radiographs once into the image store."""

from coherent_cxr.pipelines.image_preparation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
