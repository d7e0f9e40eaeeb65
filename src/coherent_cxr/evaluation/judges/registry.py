"""The judges by name: one file and one line each."""

from __future__ import annotations

from typing import Final

from coherent_cxr.evaluation.judges.bertscore import BertScore
from coherent_cxr.evaluation.judges.chexbert import CheXbert
from coherent_cxr.evaluation.judges.green import Green
from coherent_cxr.evaluation.judges.interface import Judge, JudgesConfig
from coherent_cxr.evaluation.judges.radgraph import RadGraph

JUDGES: Final[tuple[type[Judge], ...]] = (CheXbert, RadGraph, BertScore, Green)


def usable_judges(config: JudgesConfig) -> list[Judge]:
    """Return the judges that have what they need."""
    return [judge for kind in JUDGES if (judge := kind(config)).missing() is None]


def not_run(config: JudgesConfig) -> dict[str, str]:
    """Return, for each judge that cannot run, the sentence that says why."""
    sentences = {kind.name: kind(config).missing() for kind in JUDGES}
    return {name: sentence for name, sentence in sentences.items() if sentence is not None}
