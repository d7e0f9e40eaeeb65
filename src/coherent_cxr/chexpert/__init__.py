"""A rule-based CheXpert labeller: the labels of Irvin et al. 2019, fast and with their reasons.

Three steps, as in the original: mentions are found (:mod:`.mentions`), their status is decided
(:mod:`.classification`), and the statuses are joined per report (:mod:`.aggregation`).
"""

from coherent_cxr.chexpert.engine.cache import CacheStatistics
from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler, Mention
from coherent_cxr.chexpert.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN
from coherent_cxr.chexpert.policies import BlankPolicy, UncertainPolicy, apply_policies
from coherent_cxr.chexpert.rules.checks import RuleFileError

__all__ = [
    "NEGATIVE",
    "OBSERVATIONS",
    "POSITIVE",
    "UNCERTAIN",
    "BlankPolicy",
    "CacheStatistics",
    "CheXpertLabeler",
    "Mention",
    "RuleFileError",
    "UncertainPolicy",
    "apply_policies",
]
