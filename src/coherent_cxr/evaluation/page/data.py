"""Everything that the page shows, by what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.evaluation.attention_maps import AttendedMention, Report
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.systems import References
from coherent_cxr.rewards.labels import label_codes


@dataclass(frozen=True)
class Judged:
    """Results and the reports behind them; enough for a page.

    Attributes:
        config: Settings of the evaluation.
        labeler: The labeller behind all labels.
        metrics: All metrics of all systems.
        comparisons: All paired differences.
        study_ids: The studies, in the order of everything below.
        references: Reference report of each study, readable.
        codes: Reference label codes ``(studies, 14)``.
        reports: By system, the report of each study, readable.
        report_codes: By system, label codes ``(studies, 14)``.
        title: Heading of the page.
        notices: What must stand at the top, besides that this is not for clinical use.
    """

    config: EvaluationConfig
    labeler: CheXpertLabeler
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    study_ids: Sequence[str]
    references: Sequence[str]
    codes: NDArray[np.int8]
    reports: Mapping[str, Sequence[str]]
    report_codes: Mapping[str, NDArray[np.int8]]
    title: str = "Generated chest X-ray reports, judged on the test split"
    notices: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        config: EvaluationConfig,
        labeler: CheXpertLabeler,
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
            labeler: The labeller behind all labels.
            metrics: All metrics.
            comparisons: All paired differences.
            generated: ``system``, ``study_id``, ``report``.
            generated_labels: ``system``, ``study_id`` and the 14 observations.
            references: The studies and their labels.
            texts: Reference report of each study, readable.
            **shown: Title and notices.
        """
        order = list(references.study_ids)
        reports = {
            str(system): own.set_index("study_id").loc[order, "report"].tolist()
            for system, own in generated.groupby("system", sort=False)
        }
        codes = {
            str(system): label_codes(own.set_index("study_id").loc[order], OBSERVATIONS)
            for system, own in generated_labels.groupby("system", sort=False)
        }
        wanted = [texts[study] for study in order]
        return cls(
            config, labeler, metrics, comparisons, order, wanted, references.codes, reports, codes, **shown
        )


@dataclass(frozen=True)
class Attended:
    """Where a generator looked.

    Attributes:
        system: The generator.
        reports: By row of the studies, its report with the maps.
        mentions: All mentions with their maps.
        by_status: Denied against affirmed mentions.
    """

    system: str
    reports: Mapping[int, Report]
    mentions: Sequence[AttendedMention]
    by_status: pd.DataFrame


@dataclass(frozen=True)
class Background:
    """What the project's own runs know besides: images, training, corpus, model. All of it may be missing.

    Attributes:
        images: Prepared image of each study ``(size, size)``.
        main_system: The system whose best and worst cases are shown.
        compared: Systems that are not this project's generator.
        attended: Where the main system looked.
        histories: Training histories by stage or system.
        counts: Rows of the data card: what, number.
        exclusions: Left out by stage and reason: ``stage``, ``reason``, ``count``.
        labels: Positive, negative and uncertain labels by observation and split.
        model: Rows of the model card: what, value.
    """

    images: Sequence[NDArray[np.uint8]] = ()
    main_system: str = "full"
    compared: frozenset[str] = frozenset()
    attended: Attended | None = None
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    counts: Sequence[tuple[str, Any]] = ()
    exclusions: pd.DataFrame | None = None
    labels: pd.DataFrame | None = None
    model: Sequence[tuple[str, Any]] = ()
