"""PadChest's table becomes studies and images, and every bad row an exclusion."""

import gzip
from pathlib import Path

import pytest

from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus
from coherent_cxr.corpora.padchest.loader import PadchestConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports
from coherent_cxr.corpora.preflight import check_reports, read_corpus
from coherent_cxr.reports.text import tokenize_findings
from helpers.published_tables import PADCHEST, PATIENT, STUDY, as_csv, padchest_row
from helpers.settings import filled

ROWS = [
    padchest_row("a"),
    padchest_row("b", Projection="L"),
    padchest_row("c", Projection="COSTAL"),
    padchest_row("d", Projection="EXCLUDE"),
    padchest_row("e", Projection="UNK"),
    padchest_row("a"),
    padchest_row("f", PatientID="7"),
    padchest_row("g", StudyID=""),
    padchest_row("h", StudyID="9", PatientID="", Report="nan", Projection="AP_horizontal"),
    padchest_row("i", StudyID="9", PatientID="", Report=" . . . normal"),
    padchest_row("j", ImageID="", StudyID="10"),
    padchest_row("k", Report=" otro text ."),
]


def config(path: Path) -> ReportParsingConfig:
    return filled(ReportParsingConfig, corpus="padchest", padchest=PadchestConfig(table=str(path)))


def parse(folder: Path, data: bytes, name: str = "padchest.csv") -> ParsedCorpus:
    (folder / name).write_bytes(data)
    return parse_reports(config(folder / name))


def test_rows_become_images_or_exclusions(tmp_path: Path) -> None:
    studies, images, exclusions, mesh = parse(tmp_path, as_csv(ROWS, PADCHEST))
    assert studies[["study_id", "patient_id"]].to_numpy().tolist() == [
        [STUDY, PATIENT], ["9", "9"], ["10", PATIENT]
    ]  # fmt: skip
    assert studies["findings"].tolist()[:2] == ["sin derram . silu cardiac normal .", ". . . normal"]
    assert images[["image_id", "view", "view_source"]].to_numpy().tolist() == [
        [f"{STUDY}_a", "frontal", "projection"],
        [f"{STUDY}_b", "lateral", "projection"],
        [f"{STUDY}_e", "unknown", "none"],
        [f"{STUDY}_h", "frontal", "projection"],
        [f"{STUDY}_i", "frontal", "projection"],
        [f"{STUDY}_k", "frontal", "projection"],
    ]
    assert exclusions[["id", "reason"]].to_numpy().tolist() == [
        [f"{STUDY}_c", "rib_view"],
        [f"{STUDY}_d", "excluded_by_publisher"],
        [f"{STUDY}_a", "duplicate_image"],
        [f"{STUDY}_f", "study_of_another_patient"],
        [f"{STUDY}_g", "no_study_id"],
        ["row 12", "no_image_name"],
        ["row 13", "other_text_of_study"],
    ]
    assert studies["study_date"].tolist()[0] == "2014-09-15"
    assert mesh.empty
    assert tokenize_findings(studies["findings"][1]).tokens == [["normal"]]


def test_a_part_of_the_table_without_ribs_is_read_too(tmp_path: Path) -> None:
    _, images, exclusions, _ = parse(tmp_path, as_csv(ROWS[:2], PADCHEST))
    assert (len(images), len(exclusions)) == (2, 0)


def test_a_table_that_is_cut_off_or_lacks_a_column_is_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = as_csv(ROWS, PADCHEST)
    packed = gzip.compress(whole)
    assert len(parse(tmp_path, packed, "p.csv.gz").images) == 6
    for data, told in (
        (packed[: len(packed) // 2], "damaged"),
        (whole[: len(whole) - 40], "cut short"),
        (whole.replace(b"Projection,", b"projektion,", 1), "no column Projection"),
        (whole.replace(b"derram", b"der\xff\xfeam"), "not UTF-8"),
        (b"", "is empty"),
    ):
        with pytest.raises(CorpusError, match=told):
            parse(tmp_path, data)


def test_the_preflight_finds_the_table_or_says_what_to_set(tmp_path: Path) -> None:
    (check,) = check_reports(config(tmp_path / "nowhere.csv"))
    assert check.state == "missing"
    assert "report_parsing.padchest.table" in check.detail
    (check,) = check_reports(filled(ReportParsingConfig, corpus="padchest"))
    assert (check.state, "PADCHEST" in check.detail) == ("ok", True)
    (tmp_path / "p.csv").write_bytes(as_csv(ROWS, PADCHEST))
    checks, images = read_corpus(config(tmp_path / "p.csv"))
    assert "3 studies, 3 with findings; 7 files or rows would be left out" in checks[0].detail
    assert images is not None
    assert len(images) == 6
