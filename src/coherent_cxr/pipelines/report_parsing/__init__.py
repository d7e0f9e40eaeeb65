"""Parses raw reports into the tables of studies and images."""

from coherent_cxr.pipelines.report_parsing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
