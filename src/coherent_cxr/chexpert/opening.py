"""Labellers by name: a shipped rule set, a rule file, a learnt labeller's file, or a function."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coherent_cxr.chexpert.chexbert_folder import CHEXBERT, CHEXBERT_FUNCTION
from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler
from coherent_cxr.chexpert.function_labeller import IMPORT_PATH, FunctionLabeler
from coherent_cxr.chexpert.learnt.labeller import LearntLabeler, is_learnt

ENGLISH: Final = ("corrected", "original")
"""Shipped rule sets for CheXpert's labels of English texts."""


def is_function(rules: str) -> bool:
    """Return whether a labeller is a function: "chexbert" or ``module:function``, and no file."""
    return (rules == CHEXBERT or IMPORT_PATH.fullmatch(rules) is not None) and not Path(rules).is_file()


def labeler_of(rules: str, cache_size: int, content: bytes | None = None) -> CheXpertLabeler:
    """Return the labeller of a rule set, a rule file, a learnt labeller's file or a function.

    Args:
        rules: Its name; a file is looked for before a function.
        cache_size: Most sentences to remember, of a function most texts.
        content: What the labeller exported, which is then read in the place of its file.

    Raises:
        RuleFileError: If a file cannot be used.
        FunctionLabelerError: If a function cannot be imported.
    """
    if content is None and is_function(rules):
        return FunctionLabeler(CHEXBERT_FUNCTION if rules == CHEXBERT else rules, cache_size)
    if is_learnt(rules, content):
        return LearntLabeler(rules, cache_size, content)
    return CheXpertLabeler(rules, cache_size, content)
