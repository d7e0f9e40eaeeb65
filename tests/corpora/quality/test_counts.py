"""The quality report counts right, on tables small enough to count by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.corpora.quality import counts
from coherent_cxr.corpora.quality.label_agreement import label_agreement
from coherent_cxr.corpora.quality.page import render

FINDINGS = pd.DataFrame(
    {
        "study_id": ["A", "B", "C", "D"],
        "tokens": [[["clear"]], [["clear"]], [["heart", "is", "big"], ["lungs", "clear"]], [["other"]]],
    }
)
SPLITS = pd.DataFrame(
    {
        "study_id": ["A", "B", "C", "D"],
        "patient_id": ["p", "q", "p", "r"],
        "split": ["train", "test", "validation", "test"],
    }
)


def test_outcomes_are_counted_by_reason() -> None:
    exclusions = pd.DataFrame({"id": list("abc"), "reason": ["x", "y", "y"], "detail": ""})
    table = counts.stage_counts("parsing", 7, exclusions)
    assert table.to_numpy().tolist() == [["parsing", "kept", 7], ["parsing", "y", 2], ["parsing", "x", 1]]


def test_the_page_says_reasons_in_words() -> None:
    table = pd.DataFrame([("parsing", "lateral_view", 2)], columns=["stage", "outcome", "count"])
    assert "a lateral view" in render({"What went in and out": table})


def test_sections_views_and_labels() -> None:
    studies = pd.DataFrame(
        {
            "study_id": ["A", "B"],
            "patient_id": ["p", "q"],
            "findings": ["one two three", None],
            "impression": " ",
        }
    )
    assert counts.section_coverage(studies).to_numpy().tolist() == [
        ["findings", 1, 0.5, 3.0],
        ["impression", 0, 0.0, 0.0],
    ]
    images = pd.DataFrame({"image_id": [1, 2, 3], "view": ["frontal", "lateral", "frontal"]})
    assert counts.view_counts(images).to_numpy().tolist() == [["frontal", 2], ["lateral", 1]]
    labels = pd.DataFrame({"study_id": list("abcd"), "Edema": pd.array([1, 0, -1, None], dtype="Int8")})
    assert counts.label_prevalence(labels).to_numpy().tolist() == [["Edema", 1, 1, 1, 1, 0.25]]


def test_found_views_are_told() -> None:
    report = {"open": 5059, "from_dicom": 1, "classified": 4924, "accuracy": 0.9749}
    assert counts.view_findings(report)["found"].tolist() == [
        "5,059 images",
        "1 images",
        "4,924 images",
        "97.5 %",
    ]
    assert counts.view_findings({})["found"].tolist()[-1] == "not trained"


def test_texts_are_measured_and_repeats_counted() -> None:
    table = counts.text_distributions(FINDINGS).set_index("quantity")
    assert table.loc["sentences of a report", "mean"] == 1.25
    assert table.loc["words of a report", "most"] == 5
    assert table.loc["words of a sentence", "median"] == 1
    assert "uses of a word (6 words, 1 with 3 or more)" in table.index
    repeated = counts.repeated_texts(FINDINGS)
    assert repeated.to_numpy().tolist() == [
        ["all", 3, 4],
        ["in one study only", 2, 2],
        ["in several studies", 1, 2],
        ["commonest, no. 1", 1, 2],
    ]


def test_leaks_between_splits_are_found() -> None:
    pixels = np.zeros((4, 2, 2), dtype=np.uint8)
    pixels[1:3] = [[[1, 2], [3, 4]]]
    index = pd.DataFrame({"row": range(4), "study_id": ["A", "B", "C", "D"]})
    pixels[3] = 9
    leaks = counts.leaks(SPLITS, FINDINGS, pixels, index)
    found = leaks[leaks["shared"] > 0].to_numpy().tolist()
    assert found == [
        ["patient", "train and validation", 1, 1, "leak"],
        ["image", "validation and test", 1, 1, "leak"],
        ["text of the findings", "train and test", 1, 1, "shared"],
    ]
    assert len(leaks) == 9
    assert set(leaks.loc[leaks["shared"] == 0, "verdict"]) == {"none"}


def test_the_page_escapes_and_marks_leaks() -> None:
    page = render(
        {"A <b>": pd.DataFrame({"check": ["<script>"], "count": [1234], "share": [0.5], "verdict": "leak"})}
    )
    assert "<script>" not in page
    assert "A &lt;b&gt;" in page
    assert "1,234" in page
    assert "50.0 %" in page
    assert re.search(r'<td class="left alarming">⚠ leak</td>', page)


def test_leakage_between_splits_is_an_alarm_in_words() -> None:
    columns = ["check", "splits", "shared", "studies touched", "verdict"]
    rows = [("patient", "train and test", 2, 3, "leak"), ("image", "train and test", 0, 0, "none")]
    page = render({"Leaks": pd.DataFrame(rows, columns=columns)})
    (alarm,) = re.findall(r'<p class="alarm" role="alert"><strong>(.*?)</strong>', page)
    assert alarm.startswith("⚠ Leakage: train and test share 2 patients; 3 studies are touched.")
    clean = render({"Leaks": pd.DataFrame(rows[1:], columns=columns)})
    assert 'class="alarm"' not in clean


def test_agreement_by_hand() -> None:
    ours = pd.DataFrame(
        {"study_id": list("abcde"), "Edema": pd.array([1, 1, 0, -1, None], dtype="Int8"), "Ours": 1}
    )
    shipped = pd.DataFrame({"study_id": list("abcdx"), "Edema": [1.0, 0.0, 0.0, -1.0, 1.0]})
    row = label_agreement(ours, shipped).iloc[0]
    assert row["observation"] == "Edema"
    assert row["studies"] == 4
    assert row["agreement"] == 0.75
    # chance: 2/4 · 1/4 positive + 1/4 · 2/4 negative + 1/4 · 1/4 uncertain = 5/16; (12/16 - 5/16) / (11/16)
    assert row["kappa"] == pytest.approx(7 / 11)
    assert (row["positive_ours"], row["positive_shipped"]) == (2, 1)
    assert row["positive_f1"] == pytest.approx(2 / 3)
    assert row["negative_f1"] == pytest.approx(2 / 3)
    assert row["uncertain_f1"] == 1
    same = label_agreement(ours.head(2), ours.head(2)).set_index("observation").loc["Ours"]
    assert pd.isna(same["kappa"])
    assert pd.isna(same["negative_f1"])
