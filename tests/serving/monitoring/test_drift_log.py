"""The drift log: numbers and salted hashes, nothing that names a patient, whoever writes at the same time."""

from __future__ import annotations

import dataclasses
import sqlite3
import stat
from contextlib import closing
from threading import Thread

import numpy as np
import pytest

from coherent_cxr.chexpert.observations import FOURTEEN, LabelSet, use_label_set
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.serving.monitoring.drift_log import DriftLog, DriftLogError
from coherent_cxr.serving.monitoring.shadow import agreements, label_agreements
from coherent_cxr.serving.study_report import ModelIdentity, StudyImage
from helpers.study_reports import make_study, reference

SECRETS = ("Doe", "Jane", "effusion", "1.2.826", "shadowed", "champion", "12:34", "corrected", "balanced")


def secret_study():
    image = StudyImage("Doe_Jane.dcm", "frontal", "tags", dicom=reference(1))
    notes = (Note("lateral_view", "The image Doe_Jane.dcm is shadowed."),)
    return make_study(image, study_id="Doe^Jane 1950", notes=notes, distance=0.5)


def test_no_text_and_no_identifier_is_in_the_log(tmp_path):
    log = DriftLog(tmp_path / "drift.sqlite")
    log.add(secret_study(), 1.25)
    log.add_shadow(secret_study(), make_study(study_id="Doe^Jane 1950"))
    log.add_refusal("2026-11-28T12:34:56+00:00")
    data = log.path.read_bytes()
    with closing(sqlite3.connect(log.path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert set(names) == {"reports", "refused", "shadow"}
        kept = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    for name, rows in kept.items():
        texts = [value for row in rows for value in row if isinstance(value, str | bytes)]
        assert len(texts) == (1 if name == "reports" else 0)  # the hash of the study
        for text in texts:
            assert len(text) == 32
            assert int(text, 16)
    schema = ("champion", "champion_only")  # columns of the shadow's counts
    for secret in SECRETS:
        assert secret.encode() not in data or secret in schema, secret


def test_numbers_of_a_report(tmp_path):
    log = DriftLog(tmp_path / "a" / "drift.sqlite")
    log.add(secret_study(), 1.25)
    (row,) = log.reports().to_dict("records")
    assert (row["day"], row["seconds"], row["distance"]) == (20261128, 1.25, 0.5)
    assert row["brightness"] == np.arange(64).mean()
    assert row["contrast"] == pytest.approx(np.arange(64).std())
    assert (row["words"], row["sentences"], row["abstained"], row["warned"]) == (13, 3, 1, 1)
    assert [row[f"finding_{place}"] for place in (2, 4, 9, 10)] == [1, -1, 0, 1]


def test_the_hash_is_salted_and_a_study_that_comes_twice_counts_once(tmp_path):
    log, other = DriftLog(tmp_path / "a.sqlite"), DriftLog(tmp_path / "b.sqlite")
    for _ in range(2):
        log.add(make_study())
    log.add(make_study(created="2026-11-29T00:00:00+00:00"))
    log.add(make_study(model=ModelIdentity("m", None, "other")))
    other.add(make_study())
    rows = log.reports()
    assert sorted(rows["day"]) == [20261128, 20261128, 20261129]
    assert rows["study"].nunique() == 1
    assert other.reports()["study"][0] != rows["study"][0]
    salt = tmp_path / "a.sqlite.salt"
    assert stat.S_IMODE(salt.stat().st_mode) == stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert salt.read_bytes() not in log.path.read_bytes()


@pytest.mark.slow
def test_many_threads_write_at_the_same_time(tmp_path):
    def write(first):
        own = DriftLog(tmp_path / "drift.sqlite")  # as another process would
        for place in range(first, first + 10):
            own.add(make_study(study_id=str(place)))
            own.add_refusal("2026-11-28")

    threads = [Thread(target=write, args=(first,)) for first in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = DriftLog(tmp_path / "drift.sqlite")
    assert len(log.reports()) == log.refusals()["studies"].sum() == 30


def test_a_log_that_cannot_be_written_fails_no_report(tmp_path, caplog):
    (tmp_path / "file").write_text("x")
    DriftLog(tmp_path / "file" / "drift.sqlite").add(make_study(study_id="Doe"))
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"no database at all" * 100)
    DriftLog(damaged).add(make_study(study_id="Doe"))
    assert caplog.text.count("cannot be written") == 2
    assert "Doe" not in caplog.text
    with pytest.raises(DriftLogError, match="is no drift log"):
        DriftLog(damaged).reports()
    with pytest.raises(DriftLogError, match="There is no drift log"):
        DriftLog(tmp_path / "none.sqlite").reports()
    assert not (tmp_path / "none.sqlite").exists()


def test_the_shadow_counts_where_the_challenger_decides_otherwise(tmp_path):
    champion = make_study()
    called = {**champion.report.findings, "Pneumothorax": True, "Cardiomegaly": False}
    challenger = make_study(findings=called, model=ModelIdentity("m", "4", "cd"))
    found = agreements(champion, challenger)
    assert found["Pneumothorax"] == "challenger_only"
    assert found["Cardiomegaly"] == "champion_only"
    assert found["Pleural Effusion"] == "both"
    assert found["Lung Opacity"] == "neither"  # both abstain
    log = DriftLog(tmp_path / "drift.sqlite")
    for _ in range(3):
        log.add_shadow(champion, challenger)
    log.add_shadow(champion, dataclasses.replace(champion, model=challenger.model))
    rows = log.shadow().set_index("finding")
    assert len(rows) == 14
    assert rows.loc["Pneumothorax", ["both", "challenger_only", "neither"]].tolist() == [0, 3, 1]
    assert rows.loc["Cardiomegaly", ["both", "champion_only"]].tolist() == [1, 3]


def test_the_shadow_may_know_the_labels_only():
    found = label_agreements({"Edema": 1, "Fracture": -1, "Pneumonia": None}, {"Edema": 0, "Pneumonia": 1})
    assert (found["Edema"], found["Pneumonia"]) == ("champion_only", "challenger_only")
    assert found["Fracture"] == found["Support Devices"] == "neither"


def test_a_log_knows_labels_that_are_not_chexperts(tmp_path):
    log, usual = DriftLog(tmp_path / "tubes.sqlite"), DriftLog(tmp_path / "usual.sqlite")
    usual.add(make_study())
    use_label_set(LabelSet(("No Finding", "Tube"), ()))
    log.add(make_study())
    assert log.labels() == ("No Finding", "Tube")
    assert {"finding_0", "finding_1"} <= set(log.reports().columns)
    assert "finding_2" not in log.reports()
    use_label_set(None)
    assert usual.labels() == FOURTEEN
    with pytest.raises(DriftLogError, match="There is no drift log"):
        DriftLog(tmp_path / "none.sqlite").labels()


def test_a_log_of_other_labels_is_not_mixed(tmp_path, caplog):
    log = DriftLog(tmp_path / "drift.sqlite")
    use_label_set(LabelSet(("No Finding", "Tube"), ()))
    log.add(make_study())
    use_label_set(LabelSet(("No Finding", "Line"), ()))
    log.add(make_study(study_id="another"))
    assert "cannot be written" in caplog.text
    assert len(log.reports()) == 1
