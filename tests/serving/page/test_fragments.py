"""What stands on the page about a report: warnings first, findings in order, nothing of a text as markup."""

from __future__ import annotations

import pytest

from coherent_cxr.images.reading.notes import Note
from coherent_cxr.serving.page.findings import finding_rows
from coherent_cxr.serving.page.operating_points import OperatingPoint
from coherent_cxr.serving.page.rendering import findings_html, image_caption, report_html
from coherent_cxr.serving.study_report import StudyImage
from helpers.shown_reports import report_of, study_of

SENTENCES = [["mild", "cardiomegaly"], ["no", "pleural", "effusion"]]
PROBABILITIES = {"Cardiomegaly": 0.8, "Edema": 0.55, "Pleural Effusion": 0.002, "No Finding": 0.9}
POINT = OperatingPoint("balanced", "best", {"Cardiomegaly": 0.4, "Edema": 0.5, "Fracture": None})


def study(**more):
    report = report_of(SENTENCES, probabilities=PROBABILITIES, called=["Cardiomegaly", "Edema"], **more)
    return study_of(report, uncertain=["Edema"])


def test_the_most_probable_finding_comes_first_and_no_finding_last() -> None:
    names = [row.name for row in finding_rows(study(), POINT.thresholds)]
    assert names[:3] == ["Cardiomegaly", "Edema", "Pleural Effusion"]
    assert names[-1] == "No Finding"
    assert len(names) == 14


def test_a_called_finding_that_the_text_does_not_affirm_is_said_to_differ() -> None:
    rows = {row.name: row for row in finding_rows(study(), POINT.thresholds)}
    assert (rows["Cardiomegaly"].in_text, rows["Cardiomegaly"].disagrees) == ("affirmed", False)
    assert (rows["Edema"].in_text, rows["Edema"].disagrees) == ("not mentioned", True)
    assert (rows["Pleural Effusion"].in_text, rows["Pleural Effusion"].disagrees) == ("denied", False)
    assert rows["Edema"].is_uncertain
    assert rows["Fracture"].threshold is None


def test_where_the_generator_decides_nothing_is_called_and_nothing_differs() -> None:
    report = study_of(report_of(SENTENCES, probabilities=PROBABILITIES))
    rows = finding_rows(report, {})
    assert {(row.called, row.threshold, row.disagrees) for row in rows} == {(None, None, False)}
    assert "differs" not in findings_html(report, None)


def test_a_model_without_label_classifier_shows_what_the_text_says_and_no_bar() -> None:
    html = findings_html(study_of(report_of(SENTENCES)), None)
    assert "<table" not in html
    assert "Cardiomegaly: affirmed" in html
    assert "Pleural Effusion: denied" in html


def test_an_uncertain_finding_is_marked_in_words_and_small_probabilities_are_not_zero() -> None:
    html = findings_html(study(), POINT)
    assert ">uncertain<" in html
    assert "&lt; 0.01" in html or "< 0.01" in html
    assert "threshold 0.40" in html


def test_warnings_stand_above_the_report_and_notes_and_what_was_left_out_below() -> None:
    notes = [Note("assumed_tags", "Tags were assumed."), Note("lateral_view", "It is lateral.")]
    images = (
        StudyImage("one.png", "frontal", "assumed"),
        StudyImage("two.png", "unknown", "assumed", "It is damaged."),
    )
    html = report_html(study_of(report_of(SENTENCES, notes=notes), *images))
    order = ["It is lateral.", "data-sentence", "two.png was left out", "Tags were assumed."]
    assert [html.index(text) for text in order] == sorted(html.index(text) for text in order)
    assert image_caption(images[0]) == "one.png: frontal view, which is assumed."
    assert image_caption(images[1]).endswith("Left out of the text: It is damaged.")


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "`${7}`"])
def test_nothing_from_outside_becomes_markup(hostile: str) -> None:
    image = StudyImage(hostile, "unknown", "assumed", f"It is {hostile}.")
    report = report_of([[hostile, "cardiomegaly"]], notes=[Note("multi_frame", hostile)])
    html = report_html(study_of(report, image))
    assert "<script" not in html
    assert "<img" not in html


def test_a_report_without_a_sentence_is_said_to_be_empty() -> None:
    assert "wrote no sentence" in report_html(study_of(report_of([])))
