"""Scores right and wrong reports by every reward, before anyone trains on one."""

from coherent_cxr.pipelines.reward_lab.pipeline import create_pipeline

__all__ = ["create_pipeline"]
