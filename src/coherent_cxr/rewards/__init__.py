"""Rewards of the reinforcement stage, as pure functions."""

from coherent_cxr.chexpert.codes import ABSENT, DEFAULT_TYPES, label_codes
from coherent_cxr.rewards.clinical.coherence import ccr, positive_table, rarity_weights, weighted_ccr
from coherent_cxr.rewards.clinical.f_beta import f_beta, f_beta_reward
from coherent_cxr.rewards.clinical.moving_average import MovingAverage
from coherent_cxr.rewards.interface import Reward, RewardContext
from coherent_cxr.rewards.language.cider import CiderD
from coherent_cxr.rewards.language.fluency import length, repetition
from coherent_cxr.rewards.language.overlap import bleu, rouge_l
from coherent_cxr.rewards.registry import REWARDS, RewardConfig, WeightedReward, build_rewards
from coherent_cxr.rewards.reports import Reports

__all__ = [
    "ABSENT",
    "DEFAULT_TYPES",
    "REWARDS",
    "CiderD",
    "MovingAverage",
    "Reports",
    "Reward",
    "RewardConfig",
    "RewardContext",
    "WeightedReward",
    "bleu",
    "build_rewards",
    "ccr",
    "f_beta",
    "f_beta_reward",
    "label_codes",
    "length",
    "positive_table",
    "rarity_weights",
    "repetition",
    "rouge_l",
    "weighted_ccr",
]
