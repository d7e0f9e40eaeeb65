"""Shadow mode: where the challenger decides otherwise than the champion, findings only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import POSITIVE
from coherent_cxr.serving.outputs.findings import findings_of

if TYPE_CHECKING:
    from coherent_cxr.serving.study_report import StudyReport

Agreement = Literal["both", "champion_only", "challenger_only", "neither"]


def agreements(champion: StudyReport, challenger: StudyReport) -> dict[str, Agreement]:
    """Compare two reports of the same study.

    Args:
        champion: What was answered.
        challenger: What the other model would have answered; it is shown to nobody.

    Returns:
        Of each observation which of the two hold it present; what is absent, undetermined or not mentioned is
        not present.
    """
    return _agreements(_present(champion), _present(challenger))


def label_agreements(
    champion: Mapping[str, int | None], challenger: Mapping[str, int | None]
) -> dict[str, Agreement]:
    """Compare two texts of the same study by their labels.

    Args:
        champion: Label of each observation: 1 affirmed; any other is not present.
        challenger: Of the other model's text.
    """
    ours, theirs = (
        {name for name, label in labels.items() if label == POSITIVE} for labels in (champion, challenger)
    )
    return _agreements(ours, theirs)


def _agreements(ours: set[str], theirs: set[str]) -> dict[str, Agreement]:
    words: dict[tuple[bool, bool], Agreement] = {
        (True, True): "both",
        (True, False): "champion_only",
        (False, True): "challenger_only",
        (False, False): "neither",
    }
    return {name: words[name in ours, name in theirs] for name in OBSERVATIONS}


def _present(report: StudyReport) -> set[str]:
    return {finding.name for finding in findings_of(report) if finding.decision == "present"}
