"""How systems are judged."""

from __future__ import annotations

from typing import Literal

from coherent_cxr.configuration import configuration, require
from coherent_cxr.evaluation.judges.interface import JudgesConfig
from coherent_cxr.evaluation.tokenization import Tokenization


@configuration
class EvaluationConfig:
    """Settings of the evaluation stage.

    Attributes:
        uncertain: What an uncertain label counts as in the headline; all three are always in the table.
        resamples: Bootstrap resamples of the patients.
        tokenization: Tokens that language metrics compare: ``house``, or ``ptb`` for the Penn Treebank
            tokeniser of other papers, which needs Java.
        meteor: Whether to run METEOR where Java is present; without Java it is "not run" whatever is set.
        judges: Optional learned judges and where their weights lie.
        seed: Seed of the resamples and of the choice of sample studies.
        samples: Test studies shown on the results page; 0 shows no text and no image of any study.
    """

    uncertain: Literal["as_negative", "as_positive", "ignore"] = "as_negative"
    resamples: int = 1000
    tokenization: Tokenization = "house"
    meteor: bool = True
    judges: JudgesConfig = JudgesConfig()
    seed: int = 0
    samples: int = 20

    def check(self) -> None:
        """Refuse impossible values."""
        require(self.resamples >= 100, "evaluation.resamples", self.resamples, "at least 100")
        require(self.samples >= 0, "evaluation.samples", self.samples, "0 or more")
