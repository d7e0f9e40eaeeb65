"""Real report pairs and small evaluations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.codes import label_codes
from coherent_cxr.chexpert.tables import judges
from coherent_cxr.corpora.openi.loader import ParsedCorpus
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.scoring import Scores, score_systems
from coherent_cxr.evaluation.systems import References, SystemOutput, codes_of, judge_labels
from coherent_cxr.reports.text import detokenize, metric_text, tokenize_findings

STUDIES = 60
JUDGES = judges(["corrected", "original"])


@pytest.fixture(scope="session")
def findings(openi: ParsedCorpus) -> pd.DataFrame:
    """The first real Open-I findings: study_id, patient_id, text, tokens."""
    studies = openi.studies.dropna(subset=["findings"])[: 2 * STUDIES]
    tokens = [tokenize_findings(text).tokens for text in studies["findings"]]
    return pd.DataFrame(
        {
            "study_id": studies["study_id"].tolist(),
            "patient_id": studies["patient_id"].tolist(),
            "text": [detokenize(report) for report in tokens],
            "tokens": tokens,
        }
    )


@pytest.fixture(scope="session")
def pairs(findings: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Candidates and references: every study got the report of another one, some their own."""
    texts = [metric_text(report) for report in findings["tokens"]]
    candidates = texts[STUDIES:]
    candidates[:5] = texts[:5]
    return candidates, texts[:STUDIES]


@pytest.fixture(scope="session")
def references(findings: pd.DataFrame) -> References:
    own = findings[:STUDIES]
    labels = judge_labels(JUDGES, own["text"], {"study_id": own["study_id"]})
    texts = [metric_text(report) for report in findings["tokens"]]
    patients = [f"P{n // 2}" for n in range(STUDIES)]
    ids = own["study_id"].tolist()
    return References(ids, patients, texts[:STUDIES], codes_of(labels, ids), texts[STUDIES:])


@pytest.fixture(scope="session")
def outputs(references: References, pairs: tuple[list[str], list[str]]) -> list[SystemOutput]:
    others = pairs[0]
    other_codes = {judge.name: label_codes(judge.label_many(others), OBSERVATIONS) for judge in JUDGES}
    silent = {rules: np.full_like(codes, 2) for rules, codes in references.codes.items()}
    return [
        SystemOutput("silent", None, silent),
        SystemOutput("others", others, other_codes),
        SystemOutput("perfect", references.texts, references.codes),
    ]


@pytest.fixture(scope="session")
def scores(outputs: list[SystemOutput], references: References) -> Scores:
    return score_systems(EvaluationConfig(resamples=200, meteor=False), outputs, references)
