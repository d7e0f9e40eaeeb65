"""Where a model writes findings and impression, every output keeps them apart; others are as before."""

from io import BytesIO

import pydicom
import pytest

from coherent_cxr.cli.shown import show_study
from coherent_cxr.serving.outputs.fhir import fhir
from coherent_cxr.serving.outputs.readable import as_text
from coherent_cxr.serving.outputs.text_sr import text_of, text_sr
from coherent_cxr.serving.study_report import StudyReport
from helpers.study_reports import TEXT, make_study

FINDINGS, IMPRESSION = "The heart is enlarged. There is a small left pleural effusion.", "No pneumothorax."


@pytest.fixture
def study() -> StudyReport:
    return make_study(target="findings_and_impression", impression_from=2)


def conclusion(study: StudyReport) -> str:
    resources = [entry["resource"] for entry in fhir(study)["entry"]]
    return next(str(one["conclusion"]) for one in resources if one["resourceType"] == "DiagnosticReport")


def test_text_and_terminal_name_the_sections(study: StudyReport, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"FINDINGS\n\n{FINDINGS}\n\nIMPRESSION\n\n{IMPRESSION}\n\n" in as_text(study)
    show_study(study, alone=True)
    assert f"\nFINDINGS\n{FINDINGS}\n\nIMPRESSION\n{IMPRESSION}\n\n" in capsys.readouterr().out
    assert study.report.as_dict()["sections"] == {"findings": FINDINGS, "impression": IMPRESSION}
    assert "sections" not in make_study().report.as_dict()


def test_a_structured_report_has_a_container_for_each(study: StudyReport) -> None:
    document = pydicom.dcmread(BytesIO(text_sr(study)))
    sections = {
        part.ConceptNameCodeSequence[0].CodeMeaning: [str(item.TextValue) for item in part.ContentSequence]
        for part in document.ContentSequence
        if part.ValueType == "CONTAINER"
    }
    assert sections["Findings"] == [FINDINGS]
    assert sections["Impressions"] == [IMPRESSION]
    assert text_of(document) == TEXT


def test_the_conclusion_is_the_impression(study: StudyReport) -> None:
    assert conclusion(study) == IMPRESSION
    assert conclusion(make_study()) == TEXT
    assert conclusion(make_study(target="impression")) == TEXT


def test_a_section_that_says_nothing_is_left_out() -> None:
    alone = make_study(target="findings_and_impression", impression_from=3)
    assert alone.report.sections == {"findings": TEXT}
    assert conclusion(alone) == TEXT
