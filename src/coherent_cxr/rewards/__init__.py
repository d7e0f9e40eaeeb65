"""Rewards of the reinforcement stage, as pure functions."""

from coherent_cxr.rewards.cider import CiderD
from coherent_cxr.rewards.coherence import MovingAverage, ccr, positive_table
from coherent_cxr.rewards.labels import ABSENT, DEFAULT_TYPES, label_codes

__all__ = ["ABSENT", "DEFAULT_TYPES", "CiderD", "MovingAverage", "ccr", "label_codes", "positive_table"]
