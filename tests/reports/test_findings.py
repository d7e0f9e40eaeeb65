"""Every study becomes a row of the findings or an exclusion."""

import pandas as pd
import pytest

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.tables import label_table, mention_table
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.reports.findings import FindingsExtractionConfig, extract_findings
from helpers.settings import filled

STUDIES = pd.DataFrame(
    {
        "study_id": ["S0", "S1", "S2", "S3"],
        "findings": ["Lungs  are clear.<br>No edema.", None, "  ", "1. 2."],
    }
)


def test_a_row_or_an_exclusion_for_every_study():
    findings, excluded = extract_findings(filled(FindingsExtractionConfig), STUDIES)
    assert findings["study_id"].tolist() == ["S0"]
    assert findings.loc[0, "text"] == "Lungs are clear. No edema."
    assert findings.loc[0, "sentences"] == ["Lungs are clear.", "No edema."]
    assert findings.loc[0, "tokens"] == [["lungs", "are", "clear"], ["no", "edema"]]
    assert dict(zip(excluded["id"], excluded["reason"], strict=True)) == {
        "S1": "no_findings_section",
        "S2": "no_findings_section",
        "S3": "no_words_in_findings",
    }


def test_studies_beyond_the_limit_are_named():
    many = pd.DataFrame({"study_id": [f"S{n}" for n in range(12)], "findings": "Clear."})
    findings, excluded = extract_findings(filled(FindingsExtractionConfig, max_studies=10), many)
    assert len(findings) == 10
    assert excluded["reason"].tolist() == ["beyond_max_studies"] * 2


def test_no_study_at_all_gives_empty_tables():
    findings, excluded = extract_findings(filled(FindingsExtractionConfig), STUDIES.iloc[:0])
    assert list(findings.columns) == ["study_id", "text", "sentences", "tokens"]
    assert len(findings) == len(excluded) == 0


def test_a_limit_that_leaves_nothing_to_split_is_refused():
    with pytest.raises(ConfigurationError, match="at least 10"):
        filled(FindingsExtractionConfig, max_studies=3)


def test_layout_reaches_labels_and_sentences():
    studies = pd.DataFrame(
        {"study_id": ["S"], "findings": ["No pneumothorax\n\n  Right lower lobe\n  consolidation"]}
    )
    findings, _ = extract_findings(filled(FindingsExtractionConfig), studies)
    assert findings.loc[0, "sentences"] == ["No pneumothorax.", "Right lower lobe consolidation."]
    labels = label_table(CheXpertLabeler("corrected"), findings)
    assert labels.loc[0, ["Pneumothorax", "Consolidation"]].tolist() == [0, 1]
    mentions = mention_table(CheXpertLabeler("corrected"), findings)
    assert mentions["sentence"].tolist() == [0, 1]


BOTH = pd.DataFrame(
    {
        "study_id": ["both", "findings", "impression", "same", "none"],
        "findings": ["Big heart. Clear.", "Clear.", None, "Clear.", None],
        "impression": ["Cardiomegaly.", "1. 2.", "Well.", "Clear. ", " "],
    }
)


def test_the_impression_alone_is_a_target():
    findings, excluded = extract_findings(filled(FindingsExtractionConfig, target="impression"), BOTH)
    assert findings["study_id"].tolist() == ["both", "impression", "same"]
    assert findings["tokens"].tolist() == [[["cardiomegaly"]], [["well"]], [["clear"]]]
    assert excluded["reason"].tolist() == ["no_words_in_impression", "no_impression_section"]


def test_two_sections_are_parted_by_an_empty_sentence():
    config = filled(FindingsExtractionConfig, target="findings_and_impression")
    findings, excluded = extract_findings(config, BOTH)
    assert dict(zip(findings["study_id"], findings["tokens"], strict=True)) == {
        "both": [["big", "heart"], ["clear"], [], ["cardiomegaly"]],
        "findings": [["clear"]],
        "impression": [[], ["well"]],
        "same": [["clear"]],
    }
    assert findings.loc[0, "sentences"] == ["Big heart.", "Clear.", "", "Cardiomegaly."]
    assert findings.loc[0, "text"] == "Big heart. Clear.\n\nCardiomegaly."
    assert excluded.to_numpy().tolist() == [
        [
            "none",
            "no_findings_and_impression_section",
            "The report has neither a findings nor an impression section.",
        ]
    ]
