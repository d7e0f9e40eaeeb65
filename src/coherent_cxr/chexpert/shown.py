"""The labeller of everything that is shown beside one report, and the labels that a model carries."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Final

from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler
from coherent_cxr.chexpert.observations import FOURTEEN, LabelSet, label_set
from coherent_cxr.chexpert.opening import ENGLISH, is_function, labeler_of
from coherent_cxr.chexpert.rules.language_file import english
from coherent_cxr.chexpert.rules.rule_files import SHIPPED

CACHE: Final = 65_536


def shown_labeler() -> CheXpertLabeler:
    """Return the labeller whose labels and mentions stand beside single reports.

    They follow the most correct rules for the labels and the language of this process, whatever rule set
    judged a run: "corrected", or the rule set that a run is configured with or that came with a model.
    """
    return _labeler(label_set())


@cache
def _labeler(labels: LabelSet) -> CheXpertLabeler:
    return labeler_of(labels.shown, CACHE, labels.content)


def label_set_of(rules: str) -> LabelSet:
    """Return the labels that a rule set stands for.

    Args:
        rules: "corrected", "original", "spanish", a rule file, or a function as ``module:function``.

    Raises:
        RuleFileError: If a rule file cannot be used.
        LabelSetError: If its labels cannot be used.
    """
    if rules in ENGLISH or is_function(rules):
        return LabelSet()
    labeler = labeler_of(rules, 0)
    if labeler.observations == FOURTEEN and labeler.language == english():
        return LabelSet()
    return LabelSet(labeler.observations, tuple(sorted(labeler.not_a_finding)), rules)


def to_bytes(labels: LabelSet) -> bytes:
    """Return labels and the rules beside them as a model carries them; :func:`from_bytes` reads it."""
    content = labels.content
    if content is None and labels.shown not in SHIPPED:
        content = labeler_of(labels.shown, 0).exported()
    told = {
        "observations": labels.observations,
        "not_a_finding": labels.not_a_finding,
        "shown": Path(labels.shown).name,
        "content": None if content is None else base64.b64encode(content).decode("ascii"),
    }
    return json.dumps(told).encode() + b"\n"


def from_bytes(data: bytes) -> LabelSet:
    """Read what :func:`to_bytes` returned; the rules are checked.

    Raises:
        ValueError: If it is something else.
    """
    told = json.loads(data)
    names = [told["observations"], told["not_a_finding"], [told["shown"]]]
    if not all(isinstance(part, list) and all(isinstance(n, str) for n in part) for part in names):
        raise ValueError("its labels are no lists of names")
    content = None if told["content"] is None else base64.b64decode(told["content"], validate=True)
    labels = LabelSet(tuple(names[0]), tuple(names[1]), told["shown"], content)
    if content is None and labels.shown not in SHIPPED:
        raise ValueError("its labels name a rule file that it does not bring")
    if labeler_of(labels.shown, 0, content).observations != labels.observations:
        raise ValueError("its rules have other labels than it says")
    return labels
