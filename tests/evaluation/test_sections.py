"""Findings and impression are scored each alone, on the studies that have them."""

import pandas as pd
import pytest

from coherent_cxr.chexpert.tables import judges
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.sections import section_metrics
from helpers.settings import filled

TOKENS = {
    "a": [["the", "heart", "is", "enlarged", "today"], [], ["there", "is", "mild", "cardiomegaly"]],
    "b": [["no", "pleural", "effusion", "is", "seen"], [], ["there", "is", "no", "acute", "disease"]],
    "c": [["the", "lungs", "are", "clear", "today"]],
}


@pytest.fixture
def table() -> pd.DataFrame:
    findings = pd.DataFrame({"study_id": list(TOKENS), "tokens": list(TOKENS.values()), "text": "unused"})
    splits = pd.DataFrame({"study_id": list(TOKENS), "patient_id": list(TOKENS), "split": "test"})
    halves = [[*tokens[: tokens.index([])]] if [] in tokens else tokens for tokens in TOKENS.values()]
    whole = findings[["study_id", "tokens"]].assign(system="whole")
    half = whole.assign(system="half", tokens=halves)
    generated = pd.concat([whole, half], ignore_index=True).assign(report="")
    config = filled(EvaluationConfig, resamples=100)
    return section_metrics(config, judges(["corrected"]), generated, findings, splits, list(TOKENS))


def test_each_section_has_its_own_numbers(table: pd.DataFrame) -> None:
    bleu = table[table["metric"] == "BLEU-4"].set_index(["section", "system"])["value"]
    assert bleu.to_dict() == pytest.approx(
        {
            ("findings", "whole"): 1,
            ("findings", "half"): 1,
            ("impression", "whole"): 1,
            ("impression", "half"): 0,
        }
    )
    f1 = table[(table["metric"] == "F1") & (table["average"] == "micro")]
    f1 = f1[(f1["labels"] == "14 labels") & (f1["uncertain"] == "as_negative")]
    f1 = f1.set_index(["section", "system"])["value"]
    assert f1["impression", "whole"] == 1
    assert f1["impression", "half"] == 0  # the findings' enlarged heart counts for the findings alone


def test_reports_of_one_section_have_no_rows() -> None:
    findings = pd.DataFrame({"study_id": ["c"], "tokens": [TOKENS["c"]], "text": "unused"})
    config = filled(EvaluationConfig, resamples=100)
    generated = findings[["study_id", "tokens"]].assign(system="x", report="")
    splits = pd.DataFrame({"study_id": ["c"], "patient_id": ["c"], "split": "test"})
    assert section_metrics(config, judges(["corrected"]), generated, findings, splits, ["c"]).empty
