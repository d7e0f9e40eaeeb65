"""Alarms about drift: raised where something differs, and silent where nothing does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from coherent_cxr.cli import main
from coherent_cxr.serving.monitoring.drift import days_of
from coherent_cxr.serving.monitoring.drift_log import DriftLog, DriftLogError
from coherent_cxr.serving.monitoring.measures import COLUMNS, measured
from coherent_cxr.serving.monitoring.page import drift_page
from coherent_cxr.serving.monitoring.reference import read_reference, reference_text
from helpers.study_reports import make_study


def rows(count, day, seed=0, effusion=0.2, **shifts):
    """Return rows as a log holds them; ``shifts`` add to measures."""
    random = np.random.default_rng(seed)
    made = pd.DataFrame({column: random.normal(100, 10, count) for column in COLUMNS})
    for column in COLUMNS:
        if column.startswith("finding") or column in ("abstained", "warned"):
            made[column] = (random.random(count) < 0.2).astype(float)
    made["finding_10"] = (random.random(count) < effusion).astype(float)
    made.loc[0, "finding_3"] = np.nan  # nothing decided
    for column, shift in shifts.items():
        made[column] += shift
    made["seconds"] = np.nan
    return made.assign(day=day, model=1, study=[str(place) for place in range(count)])


VALIDATION = rows(300, 20260101, seed=1)


def test_days_like_validation_raise_no_alarm():
    log = pd.concat([rows(60, 20261101 + day, seed=1_100 + day) for day in range(10)])
    alarms = [alarm for day in days_of(log, rows(300, 20260101, seed=9_001)) for alarm in day.alarms]
    assert alarms == []  # 0.1 are expected


def test_a_change_is_said_in_words_on_its_day():
    changed = rows(60, 20261128, seed=7, effusion=0.7, brightness=-20)
    first, second = days_of(pd.concat([rows(60, 20261127, seed=5), changed]), VALIDATION)
    assert (first.name, second.name) == ("2026-11-28", "2026-11-27")
    assert second.alarms == []
    brightness, effusion = first.alarms
    assert brightness.startswith("2026-11-28: mean grey level, on average, is lower than on validation: ")
    assert "share of reports with Pleural Effusion, is higher than on validation: " in effusion
    assert " of 60 reports against " in effusion


def test_of_few_reports_nothing_is_said():
    (day,) = days_of(rows(9, 20261128, brightness=500, effusion=1), VALIDATION)
    assert day.alarms == []
    page = drift_page(rows(9, 20261128), VALIDATION)
    assert "Too few reports to compare (fewer than 10): 2026-11-28." in page


def test_a_constant_number_that_changes_is_seen():
    constant = VALIDATION.assign(words=5.0)
    (day,) = days_of(rows(20, 20261128).assign(words=6.0), constant)
    assert any("words in a report" in alarm for alarm in day.alarms)
    (same,) = days_of(rows(20, 20261128).assign(words=5.0), constant)
    assert not any("words in a report" in alarm for alarm in same.alarms)


def test_another_model_is_an_alarm():
    (day,) = days_of(rows(20, 20261128).assign(model=2), VALIDATION)
    assert any("another model" in alarm for alarm in day.alarms)


def test_without_validation_the_page_says_that_it_cannot_warn():
    page = drift_page(rows(60, 20261128, brightness=500), None)
    assert "this page cannot raise an alarm" in page
    assert "For research only, not for clinical use." in page
    assert "<script" not in page
    assert "http" not in page


def test_the_command_writes_the_page(tmp_path):
    log, validation = DriftLog(tmp_path / "drift.sqlite"), DriftLog(tmp_path / "validation.sqlite")
    for place in range(12):
        image = np.full((8, 8), 40 + place, np.uint8)
        log.add(make_study(study_id=str(place), image=image + np.uint8(100)))
        validation.add(make_study(study_id=str(place), image=image))
    log.add_refusal("2026-11-28")
    log.add_shadow(make_study(), make_study())
    arguments = [log.path, "--reference", validation.path, "--output", tmp_path / "page.html"]
    done = CliRunner().invoke(main, ["drift", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    assert (
        "Alarm: 2026-11-28: mean grey level, on average, is higher than on validation: 146 of 12"
        in done.output
    )
    page = (tmp_path / "page.html").read_text()
    assert "mean grey level, on average, is higher" in page
    assert "Challenger in the shadow" in page
    assert "<td>12</td><td>1</td>" in page


def test_the_command_compares_with_numbers_kept_at_registration(tmp_path):
    log = DriftLog(tmp_path / "drift.sqlite")
    for place in range(12):
        log.add(make_study(study_id=str(place), image=np.full((8, 8), 140 + place, np.uint8)))
    digest = make_study().model.digest
    numbers = [measured(make_study(image=np.full((8, 8), 40 + place, np.uint8))) for place in range(12)]
    kept = tmp_path / "drift_reference.csv"
    kept.write_text(reference_text(pd.DataFrame(numbers, columns=COLUMNS), digest))
    told = CliRunner().invoke(
        main, ["drift", str(log.path), "--reference", str(kept), "--output", str(tmp_path / "page.html")]
    )
    assert told.exit_code == 0, told.output
    assert "is higher than on validation: 146 of 12 reports against 45.5 of 12" in told.output
    assert "another model" not in told.output
    for text in ("", "model,words\n1,2\n", kept.read_text().replace("45", "x"), "\0\xff"):
        kept.write_text(text)
        with pytest.raises(DriftLogError, match="cannot be read as the validation numbers"):
            read_reference(kept)


def test_what_is_no_log_is_one_sentence(tmp_path):
    (tmp_path / "x.sqlite").write_text("no log")
    for name, message in (("x.sqlite", "is no drift log"), ("none", "There is no drift log")):
        told = CliRunner().invoke(main, ["drift", str(tmp_path / name), "--output", str(tmp_path / "p.html")])
        assert told.exit_code == 1
        assert message in told.output
