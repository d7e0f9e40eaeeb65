"""The preflight names what is missing and how to get it, and fails where a run would."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from coherent_cxr.corpora.mimic_cxr.fabrication import MimicFabricationConfig, fabricate_mimic_cxr
from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig
from coherent_cxr.corpora.openi.kaggle import PROJECTIONS, REPORTS
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.corpora.preflight import check_disk, check_reports, read_corpus
from helpers.settings import filled


def _states(config: ReportParsingConfig) -> dict[str, str]:
    return {check.what: check.state for check in check_reports(config)}


def test_kaggle_tables(tmp_path: Path) -> None:
    config = filled(ReportParsingConfig, corpus="openi_kaggle", reports=str(tmp_path))
    (tmp_path / REPORTS).write_text("uid")
    found, missing = check_reports(config)
    assert (found.what, found.state) == (REPORTS, "ok")
    assert (missing.what, missing.state) == (PROJECTIONS, "missing")
    assert "Kaggle" in missing.detail
    (check,) = check_reports(filled(ReportParsingConfig, corpus="openi_kaggle"))
    assert check.state == "missing"
    assert "report_parsing.reports" in check.detail
    (tmp_path / PROJECTIONS).write_text("uid,filename,projection\n1,1_IM-1-1001.dcm.png,Frontal\n")
    checks, images = read_corpus(config)
    assert [check.state for check in checks] == ["missing"]  # the table of reports lacks its columns
    assert images is None
    (tmp_path / REPORTS).write_text("uid,indication,comparison,findings,impression\n1,,,None.,Well.\n")
    checks, images = read_corpus(config)
    assert [check.state for check in checks] == ["missing"]
    assert "1 studies, 0 with findings" in checks[0].detail
    (tmp_path / REPORTS).write_text("uid,indication,comparison,findings,impression\n1,,,Clear.,Well.\n")
    checks, images = read_corpus(config)
    assert [check.state for check in checks] == ["ok"]
    assert images is not None
    assert images["image_id"].tolist() == ["1_IM-1-1001"]


def test_openi_reports(tmp_path: Path) -> None:
    assert check_reports(filled(ReportParsingConfig))[0].state == "ok"
    nowhere = str(tmp_path / "nowhere")
    (check,) = check_reports(filled(ReportParsingConfig, reports=nowhere))
    assert check.state == "missing"
    assert "download_openi" in check.detail
    assert _states(filled(ReportParsingConfig, headers=nowhere, views=nowhere)) == {
        "Open-I reports": "ok",
        "DICOM headers": "missing",
        "views": "missing",
    }


def test_mimic_cxr_files_that_it_can_do_without_are_optional(tmp_path: Path) -> None:
    config = filled(ReportParsingConfig, corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(tmp_path)))
    assert _states(config) == {
        "report texts": "missing",
        "list of studies": "missing",
        "list of images": "missing",
        "views": "optional",
        "official split": "optional",
        "CheXpert labels": "optional",
        "NegBio labels": "optional",
    }
    (tmp_path / "files" / "p10" / "p10000000").mkdir(parents=True)
    (tmp_path / "files" / "p10" / "p10000000" / "s50000000.txt").write_text("FINDINGS: Clear.")
    assert _states(config)["report texts"] == "ok"
    (check,) = check_reports(filled(ReportParsingConfig, corpus="mimic_cxr"))
    assert "MIMIC_CXR_ROOT" in check.detail


@pytest.fixture(scope="module")
def publication(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("physionet") / "mimic"
    config = filled(MimicFabricationConfig, folder=str(folder), patients=12, images=False)
    fabricate_mimic_cxr(config, lambda *_: np.zeros((9, 9), dtype=np.uint8))
    return folder


@pytest.mark.parametrize("unpacked", [False, True])
def test_mimic_cxr_is_read_in_part(publication: Path, tmp_path: Path, unpacked: bool) -> None:
    folder = tmp_path / "mimic"
    folder.mkdir()
    for path in publication.iterdir():
        (folder / path.name).symlink_to(path)
    if unpacked:
        with zipfile.ZipFile(folder / "mimic-cxr-reports.zip") as archive:
            archive.extractall(folder)
        (folder / "mimic-cxr-reports.zip").unlink()
    config = filled(ReportParsingConfig, corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(folder)))
    checks, images = read_corpus(config)
    assert {check.state for check in checks} == {"ok"}
    assert "reports, about 1 s" in checks[-1].detail
    assert images is not None
    assert set(images["view"]) == {"frontal", "lateral"}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("mimic-cxr-reports.zip", b"no zip", "download it again"),
        ("cxr-study-list.csv.gz", b"\x1f\x8b no gzip", "is damaged"),
        ("cxr-study-list.csv.gz", b"subject_id,study_id,path\n1,2,3\n", "0 of the first"),
        ("cxr-record-list.csv.gz", b"a,b\n1,2\n", "has no column"),
        ("mimic-cxr-2.0.0-metadata.csv.gz", b"dicom_id\n1\n", "has no column"),
    ],
)
def test_where_a_run_would_stop_so_does_the_preflight(
    publication: Path, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    for path in publication.iterdir():
        if path.name != name:
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / name).write_bytes(content)
    config = filled(ReportParsingConfig, corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(tmp_path)))
    missing = [check for check in read_corpus(config).checks if check.state == "missing"]
    assert told in " ".join(check.detail for check in missing)


def test_section_rules_that_are_not_there(publication: Path) -> None:
    rules = MimicCxrConfig(root=str(publication), section_rules="no/such.yml")
    checks = read_corpus(filled(ReportParsingConfig, corpus="mimic_cxr", mimic_cxr=rules)).checks
    assert "no/such.yml" in checks[-1].detail
    assert checks[-1].state == "missing"


def test_disk(tmp_path: Path) -> None:
    assert check_disk(10, 64, tmp_path / "not" / "yet").state == "ok"
    full = check_disk(10**9, 4096, tmp_path)
    assert full.state == "missing"
    assert "set image_preparation.work_dir to another disk" in full.detail
