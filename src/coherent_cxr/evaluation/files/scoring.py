"""Scoring reports from files, of any model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.files.joining import Joined
from coherent_cxr.evaluation.headline import summarise
from coherent_cxr.evaluation.metrics.language import why_not_defined
from coherent_cxr.evaluation.reference_rows import REFERENCE_ROWS, reference_labels, reference_reports
from coherent_cxr.evaluation.report.page import Background, Judged, results_page
from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table, score_systems
from coherent_cxr.evaluation.systems import (
    References,
    codes_of,
    judge_labels,
    label_reports,
    outputs_of,
    same_for_all,
)
from coherent_cxr.inputs.text.layout import as_prose
from coherent_cxr.reports.text import metric_text, tokenize_findings


class FileEvaluation(NamedTuple):
    """All metrics, all paired differences, the headline, the page, and notices."""

    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    summary: dict[str, dict[str, float | None]]
    page: str
    notices: list[str]


def evaluate_tables(
    config: EvaluationConfig, judges: Sequence[CheXpertLabeler], joined: Joined, training: Sequence[str] = ()
) -> FileEvaluation:
    """Judge reports against references.

    Args:
        config: Settings of the evaluation.
        judges: Label both sides, that of the headline first.
        joined: Both sides' reports of the same studies.
        training: Reports of the training split as written; those of the references' file without any given.

    Raises:
        ProtocolError: If a protocol needs what is not there.
    """
    # the rule set "original" joins lines: a report with one finding a line must count as the same in prose
    training = [as_prose(text) for text in training or joined.training]
    references = joined.references.assign(report=joined.references["report"].map(as_prose))
    studies = references["study_id"].tolist()
    truth = References(
        studies,
        references["patient_id"].tolist(),
        [_tokens(text) for text in references["report"]],
        codes_of(judge_labels(judges, references["report"], {"study_id": references["study_id"]}), studies),
        [_tokens(text) for text in training],
        references["report"].tolist(),
        training,
    )
    own = pd.concat([t.assign(system=name) for name, t in joined.generated.items()], ignore_index=True)
    own["report"] = own["report"].map(as_prose)
    compared = reference_reports(studies, training, config.seed)
    affirmed = same_for_all(judges, reference_labels(studies))
    labels = pd.concat(
        [affirmed, label_reports(judges, compared), label_reports(judges, own)], ignore_index=True
    )
    scores = score_systems(config, outputs_of(_with_tokens(compared, own), labels, truth), truth)
    metrics, comparisons = metrics_table(scores), comparisons_table(scores)
    undefined = why_not_defined(truth.texts)
    notices = [*joined.notices, *([undefined] if undefined else [])]
    texts = dict(zip(studies, references["report"], strict=True))
    judged = Judged.of(
        config,
        metrics,
        comparisons,
        own,
        labels,
        truth,
        texts,
        title="Generated reports against references",
        notices=notices,
    )
    background = Background(main_system=next(iter(joined.generated)), compared=frozenset(REFERENCE_ROWS))
    page = results_page(judged, background)
    return FileEvaluation(metrics, comparisons, summarise(scores, config.uncertain), page, notices)


def _with_tokens(compared: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Return all reports with their tokens, which take more memory than all else: nobody keeps them."""
    tokens = [tokenize_findings(text).tokens for text in own["report"]]
    return pd.concat([compared, own.assign(tokens=pd.Series(tokens, index=own.index))], ignore_index=True)


def _tokens(text: str) -> str:
    return metric_text(tokenize_findings(text).tokens)
