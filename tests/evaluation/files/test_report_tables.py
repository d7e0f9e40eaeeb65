"""Reading both sides: whose column is whose, one row per study, what is null, who is compared with whom."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from coherent_cxr.evaluation.files.joining import join
from coherent_cxr.evaluation.files.report_columns import GENERATED, REFERENCE
from coherent_cxr.evaluation.files.report_tables import Columns, ReportTable, read_report_table
from coherent_cxr.evaluation.files.system_names import named_files
from coherent_cxr.evaluation.systems import UnequalStudiesError
from coherent_cxr.inputs.tables.reading import TableError


@pytest.fixture
def file(tmp_path):
    def write(content: object, name: str = "t.csv") -> Path:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def reports(table: ReportTable) -> dict[str, str]:
    return dict(zip(table.rows["study_id"], table.rows["report"].fillna("-"), strict=True))


@pytest.mark.parametrize(
    ("header", "generated", "reference"),
    [
        ("study_id,report,generated", "generated", "report"),
        ("study_id,reference,report", "report", "reference"),
        ("id,Ground Truth,Prediction", "Prediction", "Ground Truth"),
        ("id,findings,impression,model_prediction", "model_prediction", "findings"),
        ("id,report,section_findings,model_prediction", "model_prediction", "section_findings"),
        ("id,generated_findings,findings", "generated_findings", "findings"),
        ("id,report_pred,report", "report_pred", "report"),
        ("id,gts,preds", "preds", "gts"),
        ("id,y_true,y_pred", "y_pred", "y_true"),
        ("studyId,trueReport,Generated Reports", "Generated Reports", "trueReport"),
        ("id,References,Hyp", "Hyp", "References"),
        ("id,reports,model_outputs,output_length,target_id", "model_outputs", "reports"),
    ],
)
def test_each_side_takes_its_own_column(file, header, generated, reference):
    path = file(f"{header}\nS1{',x.' * header.count(',')}\n")
    assert read_report_table(path, GENERATED).column == generated
    assert read_report_table(path, REFERENCE).column == reference


@pytest.mark.parametrize(
    ("header", "side", "message"),
    [
        (
            "study_id,report,findings",
            GENERATED,
            r"2 columns that could hold the generated .*--generated-column",
        ),
        ("study_id,prediction,output", GENERATED, "2 columns that could hold"),
        ("study_id,report,text,generated", REFERENCE, r"\(report, text\); say which with --reference-column"),
        ("study_id,reference", GENERATED, "no column for the generated reports"),
        ("name,report", GENERATED, r"no column for the study .*--id-column"),
    ],
)
def test_an_ambiguous_or_missing_column_is_refused(file, header, side, message):
    path = file(f"{header}\nS1{',x' * header.count(',')}\n")
    with pytest.raises(TableError, match=message):
        read_report_table(path, side)


def test_a_named_column_is_taken_and_a_wrong_name_refused(file):
    path = file("study_id,report,findings\nS1,a.,b.\n")
    assert reports(read_report_table(path, GENERATED, Columns(text="findings"))) == {"S1": "b."}
    with pytest.raises(TableError, match=r"no column 'finding' .* it has study_id, report, findings"):
        read_report_table(path, GENERATED, Columns(text="finding"))
    with pytest.raises(TableError, match="no column 'pid' for the patient"):
        read_report_table(path, REFERENCE, Columns(text="report", patient="pid"))


def test_ids_are_mended_and_null_reports_are_missing(file):
    path = file(
        "study_id;report\n 50000000.0 ;Clear.\n50000001.0;nan\n;Lost.\n50000002.0;...\n50000003.0;None.\n"
    )
    table = read_report_table(path, GENERATED)
    assert reports(table) == {"50000000": "Clear.", "50000001": "-", "50000002": "-", "50000003": "-"}
    assert table.excluded == (("row 4", "no_study_id", "A row of the generated reports names no study."),)
    assert "1 rows of the generated reports name no study" in table.notices[0]


def test_ids_that_a_spreadsheet_rounded_are_called_so(file):
    with pytest.raises(TableError, match="rounded by a spreadsheet"):
        read_report_table(file("study_id,report\n5.0E+07,Clear.\n5.0E+07,Small effusion.\n"), GENERATED)


def test_what_excel_says_of_its_separator_is_no_header(file):
    table = read_report_table(file("sep=;\r\nstudy_id;report\r\n5;Clear, normal.\r\n"), GENERATED)
    assert reports(table) == {"5": "Clear, normal."}


def test_rows_per_image_count_once_or_by_the_first_frontal_image(file):
    table = read_report_table(
        file(
            "study_id,dicom_id,ViewPosition,report\n"
            "1,a,LATERAL,Old.\n1,b,PA,Frontal.\n1,c,AP,Second.\n"
            "2,d,PA,Same.\n2,e,LL,Same.\n3,f,LL,Only.\n4,g,,\n4,h,PA,Answered.\n"
        ),
        GENERATED,
    )
    assert reports(table) == {"1": "Frontal.", "2": "Same.", "3": "Only.", "4": "Answered."}
    assert any("first frontal image was taken" in said for said in table.notices)
    assert any("1 studies have several rows with the same generated report" in s for s in table.notices)
    for content, why in (
        ("study_id,report\n1,a\n1,b\n", "names no view"),
        ("study_id,view,report\n1,lateral,a\n1,lateral,b\n", "none of them is frontal"),
    ):
        with pytest.raises(TableError, match=why):
            read_report_table(file(content), GENERATED)


def test_r2gens_annotation_is_read_by_split_with_its_training_reports(file):
    annotation = {
        "train": [{"id": "CXR1_IM-0001", "report": "Clear lungs.", "image_path": ["CXR1_IM-0001/0.png"]}],
        "val": [{"id": "CXR2_IM-0002", "report": "Small effusion.", "image_path": []}],
        "test": [
            {"id": "CXR3_IM-0003", "report": "Large effusion.", "image_path": []},
            {"id": "CXR4_IM-0004", "report": "Normal heart.", "image_path": []},
        ],
    }
    truth = read_report_table(file(annotation, "annotation.json"), REFERENCE)
    mine = read_report_table(file({"CXR4": "Big heart.", "CXR3": "Effusion."}, "mine.json"), GENERATED)
    joined = join({"mine": mine}, truth)
    assert joined.references["study_id"].tolist() == ["CXR3_IM-0003", "CXR4_IM-0004"]
    assert joined.generated["mine"]["report"].tolist() == ["Effusion.", "Big heart."]
    assert joined.training == ["Clear lungs."]
    said = " ".join(joined.notices)
    assert "only its 2 studies of 'test'" in said
    assert "Open-I's image part" in said
    validation = join(
        {"m": ReportTable(Path("m"), "r", pd.DataFrame({"study_id": ["CXR2"], "report": ["a."]}))},
        truth,
        "validation",
    )
    assert validation.references["report"].tolist() == ["Small effusion."]
    with pytest.raises(TableError, match=r"no split 'dev'; it has test, train, validation"):
        join({"mine": mine}, truth, "dev")


def test_r2gens_annotation_of_mimic_has_a_row_per_image(file):
    rows = [
        {
            "id": f"image{n}",
            "study_id": 50 + n // 2,
            "subject_id": 10,
            "report": f"Text {n // 2}.",
            "split": "test",
        }
        for n in range(4)
    ]
    truth = read_report_table(file({"test": rows}, "annotation.json"), REFERENCE)
    mine = read_report_table(file("study_id,report\ns50,Clear.\ns51,Clear.\n"), GENERATED)
    joined = join({"mine": mine}, truth)
    assert joined.references["report"].tolist() == ["Text 0.", "Text 1."]
    assert joined.references["patient_id"].tolist() == ["10", "10"]
    assert any("MIMIC-CXR's leading 's'" in said for said in joined.notices)
    assert any("All studies are of one patient" in said for said in joined.notices)


def test_rexranks_file_holds_both_sides_and_only_findings_are_compared(file):
    content = {
        "50": {
            "findings": "Clear lungs.",
            "impression": "Normal.",
            "subject_id": 7,
            "dicom_id": ["a", "b"],
            "model_prediction": "Findings:The lungs are clear.Impression:No acute process.",
        },
        "51": {"findings": float("nan"), "model_prediction": "Findings: None. Impression: Normal."},
    }
    path = file(content, "prediction.json")
    mine = read_report_table(path, GENERATED)
    assert reports(mine) == {"50": "The lungs are clear.", "51": "-"}
    assert "Of 2 generated reports only what stands under" in mine.notices[0]
    joined = join({"mine": mine}, read_report_table(path, REFERENCE))
    assert joined.references.to_dict("list") == {
        "study_id": ["50"],
        "report": ["Clear lungs."],
        "patient_id": ["7"],
    }


def table(name: str, column: str = "report", **columns: list[str | None]) -> ReportTable:
    return ReportTable(Path(name), column, pd.DataFrame(columns, dtype="str"))


def test_what_one_side_lacks_is_left_out_for_all_counted_and_said():
    truth = table(
        "r", study_id=["1", "2", "3", "4"], report=["a.", None, "c.", "d."], patient_id=["p", "p", None, None]
    )
    systems = {
        "x": table("x", study_id=["4", "3", "2", "1"], report=["d.", "z.", "y.", "x."]),
        "y": table("y", study_id=["1", "2", "3", "4"], report=[None, None, "c.", "d."]),
    }
    joined = join(systems, truth)
    assert joined.references["study_id"].tolist() == ["3", "4"]
    assert joined.generated["x"]["report"].tolist() == ["z.", "d."]
    assert joined.references["patient_id"].nunique() == 2
    assert joined.exclusions.to_dict("records") == [
        {"id": "1", "reason": "no_generated_report", "detail": "No text by y."},
        {"id": "2", "reason": "no_reference", "detail": "The reference holds no text."},
    ]
    said = " ".join(joined.notices)
    assert "1 of 4 studies have no reference" in said
    assert "1 of 4 studies lack a report of at least one system" in said
    assert "2 studies name no patient; each counts as a patient of its own" in said
    assert "every report of 'y' is its reference" in said


def test_truth_is_never_compared_with_itself():
    truth = table("r.csv", study_id=["1"], report=["a."])
    with pytest.raises(TableError, match=r"the same column 'report' of 'r.csv'"):
        join({"x": truth}, truth)
    other = table("r.csv", "generated", study_id=["1"], report=["b."])
    assert join({"x": other}, truth).generated["x"]["report"].tolist() == ["b."]


def test_systems_with_the_same_reports_and_constant_ones_are_said():
    truth = table("r", study_id=["1", "2"], report=["a.", "b."])
    same = {name: table(name, study_id=["1", "2"], report=["c.", "c."]) for name in ("x", "y")}
    said = " ".join(join(same, truth).notices)
    assert "'x' has the same report for every study" in said
    assert "'x' and 'y' have the same reports" in said


def test_unequal_studies_are_refused_with_the_likely_cause():
    truth = table("r", study_id=["50000001", "50000002"], report=["a.", "b."])
    with pytest.raises(UnequalStudiesError, match=r"no report for 2 of 2 .* rounded by a spreadsheet"):
        join({"x": table("x", study_id=["5.0E+07", "5.1E+07"], report=["a.", "b."])}, truth)
    with pytest.raises(TableError, match="No study is left"):
        join({"x": table("x", study_id=["50000001", "50000002"], report=[None, None])}, truth)


def test_names_of_systems_are_distinct_or_given(tmp_path):
    for folder in ("runA", "runB"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "predictions.csv.gz").touch()
    a, b = (str(tmp_path / f / "predictions.csv.gz") for f in ("runA", "runB"))
    assert named_files([a]) == {"predictions": Path(a)}
    assert named_files([f"A={a}", f"my run={b}"]) == {"A": Path(a), "my run": Path(b)}
    odd = tmp_path / "x=y.csv"
    odd.touch()
    assert named_files([str(odd)]) == {"x=y": odd}
    for given, message in (
        ([a, b], r"would be called 'predictions'.*NAME=PATH"),
        ([f"={a}"], "cannot be called ''"),
        ([f"a\nb={a}"], "cannot be called"),
        ([f"{'n' * 70}={a}"], "1 to 60 printable"),
        ([f"normal report={a}"], "row that is always shown"),
        (["missing.csv"], "There is no file 'missing.csv'"),
    ):
        with pytest.raises(TableError, match=message):
            named_files(given, taken=["normal report"])
