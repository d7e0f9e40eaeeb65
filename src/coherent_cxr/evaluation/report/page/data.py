"""Data of the results page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.reference_rows import REFERENCE_ROWS
from coherent_cxr.evaluation.systems import References, codes_of

if TYPE_CHECKING:
    from coherent_cxr.evaluation.attention.maps import AttendedMention, Report


@dataclass(frozen=True)
class Judged:
    """Results and the reports behind them; enough for a page.

    Attributes:
        config: Settings of the evaluation.
        labeler: Labels and highlights single reports; see :mod:`coherent_cxr.chexpert.shown`.
        metrics: All metrics of all systems.
        comparisons: All paired differences.
        study_ids: The studies, in the order of everything below.
        references: Reference report of each study, readable.
        codes: Reference label codes ``(studies, 14)`` by rule set, that of the headline first.
        reports: By system, the report of each study, readable.
        report_codes: By system, label codes ``(studies, 14)`` by the headline's rule set.
        title: Heading of the page.
        notices: What must stand at the top, besides that this is not for clinical use.
        oracles: Systems that were given the labels of the references: upper bounds, never the best.
    """

    config: EvaluationConfig
    labeler: CheXpertLabeler
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    study_ids: Sequence[str]
    references: Sequence[str]
    codes: Mapping[str, NDArray[np.int8]]
    reports: Mapping[str, Sequence[str]]
    report_codes: Mapping[str, NDArray[np.int8]]
    title: str = "Generated chest X-ray reports, judged on the test split"
    notices: Sequence[str] = ()
    oracles: frozenset[str] = frozenset()

    def shown_system(self, background: Background) -> str:
        """Return the system whose reports stand beside the references: the champion, if it has reports."""
        wanted = [background.champion.system] if background.champion else []
        return next((s for s in (*wanted, background.main_system, *self.reports) if s in self.reports), "")

    @property
    def judges(self) -> list[str]:
        """Rule sets of the judges, that of the headline first."""
        return list(self.codes)

    @property
    def first_codes(self) -> NDArray[np.int8]:
        """Reference label codes by the headline's rule set ``(studies, 14)``."""
        return self.codes[self.judges[0]]

    @classmethod
    def of(
        cls,
        config: EvaluationConfig,
        metrics: pd.DataFrame,
        comparisons: pd.DataFrame,
        generated: pd.DataFrame,
        generated_labels: pd.DataFrame,
        references: References,
        texts: Mapping[str, str],
        **shown: Any,
    ) -> Judged:
        """Put the tables of an evaluation together.

        Args:
            config: Settings of the evaluation.
            metrics: All metrics.
            comparisons: All paired differences.
            generated: ``system``, ``study_id``, ``report``.
            generated_labels: ``rules``, ``system``, ``study_id`` and the 14 observations.
            references: The studies and their labels.
            texts: Reference report of each study, readable.
            **shown: Title, notices and oracles.
        """
        order = list(references.study_ids)
        reports = {
            str(system): own.set_index("study_id").loc[order, "report"].tolist()
            for system, own in generated.groupby("system", sort=False)
            if system not in REFERENCE_ROWS  # beside a single image they say nothing
        }
        first = next(iter(references.codes))
        codes = {
            str(system): codes_of(own, order)[first]
            for system, own in generated_labels.groupby("system", sort=False)
        }
        reference_texts = [texts[study] for study in order]
        labeler = shown_labeler()
        return cls(
            config,
            labeler,
            metrics,
            comparisons,
            order,
            reference_texts,
            references.codes,
            reports,
            codes,
            **shown,
        )


class Champion(NamedTuple):
    """The generator that the rule of registration chose on the validation split.

    Attributes:
        system: Its name.
        rule: The rule, in words.
    """

    system: str
    rule: str


@dataclass(frozen=True)
class Attended:
    """Attention of a generator.

    Attributes:
        system: The generator.
        reports: By row of the studies, its report with the maps.
        mentions: All mentions with their maps.
        by_status: Denied against affirmed mentions.
        rules: Rule set that found and read the mentions.
    """

    system: str
    reports: Mapping[int, Report]
    mentions: Sequence[AttendedMention]
    by_status: pd.DataFrame
    rules: str


@dataclass(frozen=True)
class EncoderQuality:
    """Quality of the encoder's label classifier.

    Attributes:
        areas: From :func:`~coherent_cxr.evaluation.metrics.label_quality.label_quality`.
        reliability: From :func:`~coherent_cxr.evaluation.metrics.label_quality.label_reliability`.
        thresholds: By operating point and observation, with precision and recall on validation.
    """

    areas: pd.DataFrame
    reliability: pd.DataFrame
    thresholds: pd.DataFrame


@dataclass(frozen=True)
class Background:
    """What the project's own runs know besides: images, training, corpus, model. All of it may be missing.

    Attributes:
        images: Prepared image of each study ``(size, size)``.
        main_system: The system whose reports are shown first where there is no champion.
        champion: The generator that is registered; None where none was chosen.
        provenance: Where the numbers come from: what, value.
        views: View of each image (``frontal``, ``lateral``); may be empty.
        compared: Systems that are not this project's generator.
        attended: Attention of the main system.
        histories: Training histories by stage or system.
        counts: Rows of the data card: what, number.
        exclusions: Left out by stage and reason: ``stage``, ``reason``, ``count``.
        labels: Positive, negative and uncertain labels by observation and split.
        model: Rows of the model card: what, value.
        encoder: Quality of the encoder's label classifier.
        consensus: From :func:`~coherent_cxr.evaluation.metrics.consensus_quality.consensus_quality`.
        finding_tokens: From :func:`~coherent_cxr.evaluation.metrics.token_agreement.token_agreement`.
        sections: From :func:`~coherent_cxr.evaluation.sections.section_metrics`.
    """

    images: Sequence[NDArray[np.uint8]] = ()
    main_system: str = "full"
    champion: Champion | None = None
    provenance: Sequence[tuple[str, Any]] = ()
    views: Sequence[str] = ()
    compared: frozenset[str] = frozenset()
    attended: Attended | None = None
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    counts: Sequence[tuple[str, Any]] = ()
    exclusions: pd.DataFrame | None = None
    labels: pd.DataFrame | None = None
    model: Sequence[tuple[str, Any]] = ()
    encoder: EncoderQuality | None = None
    consensus: pd.DataFrame | None = None
    finding_tokens: pd.DataFrame | None = None
    sections: pd.DataFrame | None = None
