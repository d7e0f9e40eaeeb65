"""Quality of reports that are chosen among samples, by the number of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.codes import label_codes
from coherent_cxr.evaluation.metrics.language import language_measures
from coherent_cxr.evaluation.systems import without_repeated_sentences
from coherent_cxr.reports.text import metric_text
from coherent_cxr.rewards.clinical.f1_means import F1_MEANS, f1_means

LANGUAGE = ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr-D")
COLUMNS = ("system", "samples", "metric", "value")


def consensus_quality(
    labeler: CheXpertLabeler,
    generated: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
) -> pd.DataFrame:
    """Score reports for every number of samples.

    Args:
        labeler: Labels generated reports by the rules that made ``labels``.
        generated: ``system``, ``samples``, ``study_id``, ``tokens``; the same studies for each.
        findings: ``study_id``, ``tokens``: the references.
        labels: ``study_id`` and the 14 observations of the references.

    Returns:
        ``system``, ``samples``, ``metric`` (language by house tokens, means of F1), ``value``; without
        repeated sentences, uncertain counting as not positive, as in the headline.
    """
    rows: list[tuple[str, int, str, float]] = []
    if generated.empty:
        return pd.DataFrame(rows, columns=list(COLUMNS))
    tokens_of = dict(zip(findings["study_id"], findings["tokens"], strict=True))
    for (system, samples), own in without_repeated_sentences(generated).groupby(
        ["system", "samples"], sort=False
    ):
        references = [metric_text(tokens_of[study]) for study in own["study_id"]]
        expected = label_codes(labels.set_index("study_id").loc[own["study_id"]], OBSERVATIONS)
        found = label_codes(labeler.label_many(own["report"].tolist()), OBSERVATIONS)
        values = _language([metric_text(tokens) for tokens in own["tokens"]], references)
        means = f1_means(found == 1, expected == 1)
        values |= {mean.name: means[mean.key] for mean in F1_MEANS if mean.key in means}
        rows += [(str(system), int(str(samples)), name, value) for name, value in values.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _language(candidates: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    whole = np.ones((1, len(references)))
    values = {
        metric.name: float(value)
        for measure in language_measures(candidates, references)
        for metric, value in zip(measure.metrics, measure.values(whole)[0], strict=True)
    }
    return {name: values[name] for name in LANGUAGE}
