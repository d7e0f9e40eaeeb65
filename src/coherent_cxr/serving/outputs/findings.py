"""What a report says of each finding, and the codes that other systems know it by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import FOURTEEN, NEGATIVE, POSITIVE

if TYPE_CHECKING:
    from coherent_cxr.serving.study_report import StudyReport

Decision = Literal["present", "absent", "undetermined"]
SCHEME, SCHEME_URI = "99CXRFIND", "https://stanfordmlgroup.github.io/competitions/chexpert/"
"""Our names of CheXpert's observations: as a private DICOM coding scheme, and as a FHIR system."""
SNOMED = {
    "Cardiomegaly": ("8186001", "Cardiomegaly"),
    "Edema": ("19242006", "Pulmonary edema"),
    "Consolidation": ("95436008", "Pulmonary consolidation"),
    "Pneumonia": ("233604007", "Pneumonia"),
    "Atelectasis": ("46621007", "Atelectasis"),
    "Pneumothorax": ("36118008", "Pneumothorax"),
    "Pleural Effusion": ("60046008", "Pleural effusion"),
    "Fracture": ("125605004", "Fracture of bone"),
}
"""SNOMED CT concepts of the observations that are one; the others mean more than any single concept."""


class Finding(NamedTuple):
    """What is known of one finding of a study.

    Attributes:
        name: Observation of CheXpert.
        decision: What the model decided: ``undetermined`` where it abstains or the text is uncertain; None
            where neither a threshold nor the text says anything.
        label: Label of the report's text: 1 affirmed, 0 denied, -1 uncertain, None not mentioned.
        called: Whether the operating point called it; None where the words decide.
        probability: 0 to 1; None without a label classifier.
        abstained: Whether the probability lies in the band in which the model abstains.
    """

    name: str
    decision: Decision | None
    label: int | None
    called: bool | None
    probability: float | None
    abstained: bool

    @property
    def code(self) -> str:
        """Its code in our scheme, at most 16 characters, as DICOM asks for."""
        code = self.name.upper().replace(" ", "_")
        if self.name in FOURTEEN or len(code) <= 16:
            return code[:16]
        return f"{code[:13]}_{OBSERVATIONS.index(self.name):02}"  # of others two may begin alike


def findings_of(report: StudyReport) -> Iterator[Finding]:
    """Yield the findings that a report knows anything of, in CheXpert's order.

    Args:
        report: Of a study.
    """
    own = report.report
    called, probabilities = own.findings or {}, own.probabilities or {}
    for name in OBSERVATIONS:
        label, flag, probability = own.labels.get(name), called.get(name), probabilities.get(name)
        abstained = name in report.uncertain
        if (label, flag, probability) != (None, None, None) or abstained:
            decision = _decision(label, flag, abstained)
            yield Finding(name, decision, label, flag, probability, abstained)


def _decision(label: int | None, called: bool | None, abstained: bool) -> Decision | None:
    if abstained:
        return "undetermined"
    if called is not None:
        return "present" if called else "absent"
    if label is None:
        return None
    return {POSITIVE: "present", NEGATIVE: "absent"}.get(label, "undetermined")  # type: ignore[return-value]
