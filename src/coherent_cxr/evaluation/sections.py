"""Metrics per section, where reports have findings and an impression."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.evaluation import scoring
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.systems import judge_labels, label_reports, outputs_of, references_of
from coherent_cxr.reports.sections import SECTIONS, mark_of, section_of
from coherent_cxr.reports.text import detokenize


def section_metrics(
    config: EvaluationConfig,
    judges: Sequence[CheXpertLabeler],
    generated: pd.DataFrame,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    study_ids: Sequence[str],
) -> pd.DataFrame:
    """Score each section alone, on the studies whose reference has it.

    Labels are those of the section's own text. A generated report without the section says nothing there, and
    so scores nothing.

    Args:
        config: Number and seed of the resamples; METEOR is left out, as its process would start anew.
        judges: The labellers, that of the headline first.
        generated: ``system``, ``study_id``, ``tokens``, ``unprocessed``.
        findings: ``study_id``, ``tokens``: the references.
        splits: ``study_id``, ``patient_id``, ``split``.
        study_ids: The test studies.

    Returns:
        ``section`` and the columns of :func:`.scoring.metrics_table`; no row where no reference has two
        sections.
    """
    tables = []
    marked = any(mark_of(tokens) is not None for tokens in findings["tokens"])
    for section in SECTIONS if marked else ():
        references = _only(findings, section)
        references = references[references["tokens"].map(len) > 0]
        present = set(references["study_id"])
        studies = [study for study in study_ids if study in present]
        own = _only(generated[generated["study_id"].isin(studies)], section)
        if not studies or own.empty:
            continue
        judged = references[references["study_id"].isin(studies)]
        labels = judge_labels(judges, judged["text"], {"study_id": judged["study_id"]})
        truth = references_of(studies, references, labels, splits)
        outputs = outputs_of(own, _labels(judges, own), truth)
        scores = scoring.score_systems(config.replace(meteor=False), outputs, truth)
        tables.append(scoring.metrics_table(scores).assign(section=section))
    if not tables:
        return pd.DataFrame({"section": pd.Series(dtype="str"), "system": pd.Series(dtype="str")})
    table = pd.concat(tables, ignore_index=True)
    return table[["section", *table.columns.drop("section")]]


def _labels(judges: Sequence[CheXpertLabeler], own: pd.DataFrame) -> pd.DataFrame:
    """Label the section's texts; of one that is not there nothing is said, not even "No Finding"."""
    labels = label_reports(judges, own)
    empty = pd.concat([own["report"] == ""] * len(judges)).to_numpy()
    labels.loc[empty, labels.columns.difference(["rules", "system", "study_id"])] = pd.NA
    return labels


def _only(reports: pd.DataFrame, section: str) -> pd.DataFrame:
    """Return reports with the sentences of one section alone."""
    columns = {
        name: pd.Series([section_of(tokens, section) for tokens in reports[name]], index=reports.index)
        for name in ("tokens", "unprocessed")
        if name in reports
    }
    texts = [detokenize(tokens) for tokens in columns["tokens"]]
    return reports.assign(**columns, text=texts, report=texts)
