"""What came in, what went out and why, on one page per corpus."""

from coherent_cxr.pipelines.quality_report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
