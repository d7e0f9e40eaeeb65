"""The preflight names what is missing and how to get it."""

from pathlib import Path

from coherent_cxr.corpora.kaggle import PROJECTIONS, REPORTS
from coherent_cxr.corpora.mimic_cxr import MimicCxrConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.corpora.preflight import check_disk, check_reports


def test_kaggle_tables(tmp_path: Path) -> None:
    (tmp_path / REPORTS).write_text("uid")
    found, missing = check_reports(ReportParsingConfig(corpus="openi_kaggle", reports=str(tmp_path)))
    assert (found.what, found.state) == (REPORTS, "ok")
    assert (missing.what, missing.state) == (PROJECTIONS, "missing")
    assert "Kaggle" in missing.detail


def test_openi_reports(tmp_path: Path) -> None:
    assert check_reports(ReportParsingConfig())[0].state == "ok"
    (check,) = check_reports(ReportParsingConfig(reports=str(tmp_path / "nowhere")))
    assert check.state == "missing"
    assert "download_openi" in check.detail


def test_mimic_cxr_files_that_it_can_do_without_are_optional(tmp_path: Path) -> None:
    config = ReportParsingConfig(corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(tmp_path)))
    states = {check.what: check.state for check in check_reports(config)}
    assert states == {
        "report texts": "missing",
        "list of studies": "missing",
        "list of images": "missing",
        "views": "optional",
        "official split": "optional",
        "CheXpert labels": "optional",
        "NegBio labels": "optional",
    }
    (tmp_path / "mimic-cxr-reports.zip").write_bytes(b"no zip")
    (tmp_path / "cxr-study-list.csv.gz").write_bytes(b"no gzip")
    broken = {check.what: check for check in check_reports(config)}
    assert broken["report texts"].state == "missing"
    assert "damaged" in broken["list of studies"].detail
    (check,) = check_reports(ReportParsingConfig(corpus="mimic_cxr"))
    assert "MIMIC_CXR_ROOT" in check.detail


def test_disk(tmp_path: Path) -> None:
    assert check_disk(10, 64, tmp_path / "not" / "yet").state == "ok"
    full = check_disk(10**9, 4096, tmp_path)
    assert full.state == "missing"
    assert "set image_preparation.work_dir to another disk" in full.detail
