"""What every optional judge offers, and where its weights lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final

from coherent_cxr.configuration import Settings
from coherent_cxr.evaluation.metrics.measures import Measure, Metric


class JudgesConfig(Settings):
    """Where the weights of the judges lie; null leaves a judge out.

    Attributes:
        chexbert: CheXbert's checkpoint (``chexbert.pth``).
        bert_vocabulary: ``vocab.txt`` of bert-base-uncased, which CheXbert's tokeniser needs.
        bertscore: Folder of a BERT-like model with its tokeniser, as ``save_pretrained`` writes it.
        radgraph: Name of the model that the package ``radgraph`` should use, for example ``radgraph-xl``.
        green: Folder or name of the model that the package ``green_score`` should use.
    """

    chexbert: str | None
    bert_vocabulary: str | None
    bertscore: str | None
    radgraph: str | None
    green: str | None


EXTRA: Final = "'coherent-cxr[judges]'"
"""What pip should install for the judges that need transformers."""


class Judge(ABC):
    """Scores reports with weights that are loaded when they are first needed.

    Attributes:
        name: Its column's name.
        metrics: The metrics it gives.
    """

    name: ClassVar[str]
    metrics: ClassVar[Sequence[Metric]]

    def __init__(self, config: JudgesConfig) -> None:
        self.config = config

    @abstractmethod
    def missing(self) -> str | None:
        """Return a sentence that says what it lacks and how to get it; None if it can run."""

    @abstractmethod
    def measure(self, candidates: Sequence[str], references: Sequence[str]) -> Measure:
        """Score reports against their references.

        Args:
            candidates: Generated reports.
            references: Reference reports in the same order.
        """


def lacks_package(package: str, judge: str, install: str) -> str | None:
    """Return a sentence if a package is not installed.

    Args:
        package: Name under which it is imported.
        judge: Who needs it.
        install: What pip should install.
    """
    if find_spec(package) is None:
        return (
            f"{judge} was not run: it needs the package '{package}'; install it with `pip install {install}`."
        )
    return None


def lacks_place(place: str | None, key: str, judge: str, what: str) -> str | None:
    """Return a sentence if a setting is empty or names nothing that is there."""
    if place is None:
        return f"{judge} was not run: set evaluation.judges.{key} to {what}."
    if not Path(place).exists():
        return f"{judge} was not run: evaluation.judges.{key} is '{place}', which is not there."
    return None
