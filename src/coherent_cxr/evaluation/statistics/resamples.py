"""Resampled headline values, kept so that a later run can be compared with this one in pairs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import headline_metrics
from coherent_cxr.evaluation.metrics.measures import Array
from coherent_cxr.evaluation.scoring import Scores
from coherent_cxr.evaluation.systems import References


class Basis(NamedTuple):
    """What resampled values rest on; only values on the same basis can be paired.

    Attributes:
        references: Digest of the test studies: ids, patients, reference reports, labels by every judge.
        seed: Seed of the resampling of patients.
        uncertain: What an uncertain label counts as.
        tokenization: Tokens that language metrics without the name of a protocol compare.
        resamples: Number of resamples.
    """

    references: str
    seed: int
    uncertain: str
    tokenization: str
    resamples: int


class Resamples(NamedTuple):
    """Resampled headline values of a run.

    Attributes:
        basis: What they rest on.
        values: In each resample ``(resamples,)``, by system and short name of the metric.
    """

    basis: Basis
    values: Mapping[tuple[str, str], Array]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Resamples:
        """Read the table that :func:`headline_resamples` returns.

        Raises:
            KeyError: If it lacks a column.
            ValueError: If it has no row, or systems and metrics have not the same resamples.
        """
        if table.empty:
            raise ValueError("The table of resamples has no row.")
        groups = table.sort_values("resample", kind="stable").groupby(["system", "metric"], sort=False)
        values = {(str(s), str(m)): own["value"].to_numpy(np.float64) for (s, m), own in groups}
        counts = {len(own) for own in values.values()}
        if len(counts) > 1:
            raise ValueError(f"Systems and metrics have not the same number of resamples: {sorted(counts)}.")
        one = table.iloc[0]
        basis = Basis(
            str(one["references"]),
            int(one["seed"]),
            str(one["uncertain"]),
            str(one["tokenization"]),
            counts.pop(),
        )
        return cls(basis, values)


def references_digest(references: References) -> str:
    """Return the SHA-256 of what systems are judged against; the order of the studies makes no difference."""
    codes = [own.tolist() for own in references.codes.values()]
    columns = (references.study_ids, references.patients, references.texts, *codes)
    rows = sorted(zip(*columns, strict=True))
    return hashlib.sha256(json.dumps([list(references.codes), rows]).encode()).hexdigest()


def headline_resamples(scores: Scores, config: EvaluationConfig, references: References) -> pd.DataFrame:
    """Return the headline's value in every resample; it holds no report and no study.

    Args:
        scores: All systems' values.
        config: Their seed, number and policies.
        references: What they were judged against.

    Returns:
        ``system``, ``metric`` (the headline's short name), ``resample`` (from 0), ``value`` (float32), and
        the same in every row: ``references`` (digest), ``seed``, ``uncertain``, ``tokenization``. No rows
        where a system has no such metric.
    """
    parts = []
    for number, system in enumerate(scores.systems):
        for name, metric in headline_metrics(config.uncertain, list(references.codes)).items():
            if metric in scores.metrics and not np.isnan(scores.value(system, metric)):
                values = scores.resampled[number, :, scores.metrics.index(metric)].astype(np.float32)
                resample = np.arange(len(values), dtype=np.int32)
                parts.append(
                    pd.DataFrame({"system": system, "metric": name, "resample": resample, "value": values})
                )
    return pd.concat(parts, ignore_index=True).assign(
        references=references_digest(references),
        seed=config.seed,
        uncertain=config.uncertain,
        tokenization="house",  # runs of before protocols had names may say otherwise
    )


def why_not_paired(first: Resamples | None, second: Resamples | None) -> list[str]:
    """Return why no paired statement about two runs is possible, in sentences; empty if one is."""
    if first is None and second is None:
        return ["Neither run recorded the table headline_resamples."]
    if first is None or second is None:
        return [
            f"The {'first' if first is None else 'second'} run did not record the table headline_resamples."
        ]
    a, b = first.basis, second.basis
    sentences = {
        "references": "Their test references differ (studies, patients, reports or labels).",
        "seed": f"Patients were resampled with other seeds, {a.seed} and {b.seed}.",
        "uncertain": f"An uncertain label counted {_words(a.uncertain)} and {_words(b.uncertain)}.",
        "tokenization": f"Tokenisations differ: {a.tokenization} and {b.tokenization} tokens.",
        "resamples": f"Their numbers of resamples differ, {a.resamples} and {b.resamples}.",
    }
    return [text for name, text in sentences.items() if getattr(a, name) != getattr(b, name)]


def _words(uncertain: str) -> str:
    return "for nothing" if uncertain == "ignore" else uncertain.replace("_", " ")
