"""Settings of the evaluation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from coherent_cxr.configuration import Settings, require
from coherent_cxr.evaluation.judges.interface import JudgesConfig
from coherent_cxr.evaluation.metrics.protocols import Protocol
from coherent_cxr.evaluation.metrics.r2gen import R2GenConfig


class EvaluationConfig(Settings):
    """Settings of the evaluation stage.

    Attributes:
        uncertain: What an uncertain label counts as in the headline; all three are always in the table.
        resamples: Bootstrap resamples of the patients.
        protocols: Tokens that language metrics compare, one set of columns for each: ``house``, ``ptb`` (the
            Penn Treebank tokeniser of captioning papers, which needs Java), ``r2gen`` (most papers on
            Open-I). METEOR and repeated sentences are scored by the first.
        r2gen: Settings of the protocol of that name.
        meteor: Whether to run METEOR where Java is present; without Java it is "not run" whatever is set.
        judges: Optional learned judges and where their weights lie.
        seed: Seed of the resamples and of the choice of sample studies.
        samples: Test studies shown on the results page; 0 shows no text and no image of any study.
    """

    uncertain: Literal["as_negative", "as_positive", "ignore"]
    resamples: Annotated[int, Field(ge=100)]
    protocols: tuple[Protocol, ...]
    r2gen: R2GenConfig
    meteor: bool
    judges: JudgesConfig
    seed: NonNegativeInt
    samples: NonNegativeInt

    def check(self) -> None:
        """Refuse impossible values."""
        named_once = len(set(self.protocols)) == len(self.protocols) > 0
        require(named_once, "evaluation.protocols", self.protocols, "at least one protocol, each named once")
