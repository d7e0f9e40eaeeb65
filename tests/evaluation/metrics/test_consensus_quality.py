"""Quality against the number of samples, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.evaluation.metrics.consensus_quality import consensus_quality
from coherent_cxr.evaluation.report.page.consensus import consensus_tables
from coherent_cxr.reports.text import detokenize

REFERENCES = [
    [["there", "is", "a", "small", "pleural", "effusion"]],
    [["the", "heart", "is", "enlarged"], ["no", "pneumothorax"]],
]
LABELER = CheXpertLabeler("corrected")


def written(samples: int, reports: list[list[list[str]]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "system": "mle",
            "samples": samples,
            "study_id": ["A", "B"],
            "tokens": reports,
            "report": [detokenize(report) for report in reports],
        }
    )


@pytest.fixture(scope="module")
def quality() -> pd.DataFrame:
    findings = pd.DataFrame({"study_id": ["B", "A"], "tokens": REFERENCES[::-1]})
    labels = LABELER.label_many([detokenize(report) for report in REFERENCES])[list(OBSERVATIONS)]
    labels.insert(0, "study_id", ["A", "B"])
    repeated = [REFERENCES[0] * 2, REFERENCES[1]]  # repeats are removed before scoring
    normal = [[["the", "lungs", "are", "clear"]]] * 2
    return consensus_quality(LABELER, pd.concat([written(0, normal), written(4, repeated)]), findings, labels)


def test_the_references_themselves_score_full_marks(quality: pd.DataFrame) -> None:
    best = quality[quality["samples"] == 4].set_index("metric")["value"]
    assert best[["BLEU-1", "BLEU-4", "ROUGE-L", "macro-F1", "micro-14-F1"]].tolist() == pytest.approx(
        [1.0] * 5
    )
    assert best["CIDEr-D"] == pytest.approx(10.0)
    assert best["macro-14-F1"] == pytest.approx(2 / 14)  # two labels are positive
    assert "macro-F1-10" not in best  # no label has ten


def test_normal_reports_find_nothing(quality: pd.DataFrame) -> None:
    normal = quality[quality["samples"] == 0].set_index("metric")["value"]
    assert normal[["macro-F1", "micro-5-F1"]].tolist() == [0.0, 0.0]
    # "the" and its full stop of 5 tokens each, against 7 and 8 tokens: unigrams 1/5 and 2/5, length 10 of 15
    assert 0 < normal["BLEU-1"] < 3 / 10


def test_the_page_shows_a_row_for_each_number_of_samples(quality: pd.DataFrame) -> None:
    tables = consensus_tables(quality)
    assert [row["samples"] for row in tables["mle"]] == [0, 4]
    assert tables["mle"][1]["values"]["BLEU-4"] == pytest.approx(1.0)
    assert consensus_tables(quality[:0]) == {}
    assert consensus_tables(None) == {}


def test_nothing_written_is_an_empty_table() -> None:
    empty = consensus_quality(LABELER, written(0, REFERENCES)[:0], pd.DataFrame(), pd.DataFrame())
    assert empty.columns.tolist() == ["system", "samples", "metric", "value"]
