"""Studies as the page shows them: image, reference, and what each system wrote (the paper's Table 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.evaluation.page.highlights import Stretch, highlight


class Written(NamedTuple):
    """One report beside the reference.

    Attributes:
        systems: The systems that wrote it.
        text: The report, coloured by mention.
        found: Positive observations of the reference that the report has too.
        missed: Positive observations of the reference that the report lacks.
        invented: Positive observations of the report that the reference lacks.
    """

    systems: list[str]
    text: list[Stretch]
    found: list[str]
    missed: list[str]
    invented: list[str]


class Sample(NamedTuple):
    """A study: its image ("" for none), reference with its positive observations, and the reports."""

    study_id: str
    image: str
    reference: list[Stretch]
    positives: list[str]
    written: list[Written]


def sample(
    labeler: CheXpertLabeler,
    study_id: str,
    image: str,
    reference: str,
    reference_codes: NDArray[np.int8],
    reports: Mapping[str, str],
    report_codes: Mapping[str, Sequence[int] | NDArray[np.int8]],
) -> Sample:
    """Bring one study into the form of the page.

    Args:
        labeler: Finds the mentions.
        study_id: The study.
        image: Its image as a data address.
        reference: Reference findings.
        reference_codes: Their label codes ``(14,)``.
        reports: Report by system.
        report_codes: Label codes by system.
    """
    wanted = {name for name, code in zip(OBSERVATIONS, reference_codes, strict=True) if code == 1}
    written = []
    for report in dict.fromkeys(reports.values()):
        systems = [system for system, own in reports.items() if own == report]
        said = {name for name, code in zip(OBSERVATIONS, report_codes[systems[0]], strict=True) if code == 1}
        found, missed, invented = (_sorted(s) for s in (wanted & said, wanted - said, said - wanted))
        written.append(Written(systems, highlight(labeler, report), found, missed, invented))
    return Sample(study_id, image, highlight(labeler, reference), _sorted(wanted), written)


def _sorted(names: set[str]) -> list[str]:
    return [name for name in OBSERVATIONS if name in names]
