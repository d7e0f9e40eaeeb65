"""Every row and path of somebody's table becomes a study, an image or an exclusion."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.corpora.imported.images import ImageFinder
from coherent_cxr.corpora.imported.importing import Imported, import_rows
from coherent_cxr.corpora.imported.loader import ImportedConfig, parse_imported, write_imported
from coherent_cxr.corpora.imported.mapping import ImportSettings, read_settings
from coherent_cxr.corpora.quality.imports import shared
from coherent_cxr.corpora.quality.languages import language_of

ROOT = Path("films")
REPORT = "INDICATION: Cough.\n\nFINDINGS: The heart is big.\n\nIMPRESSION: Cardiomegaly."


def imported(rows: list[dict[str, str | None]], files: list[str] | None = None, **given: object) -> Imported:
    mapping = ImportSettings(**{"study_id": "id", "report": "text", **given})
    table = pd.DataFrame(rows).reindex(columns=mapping.columns()).astype("str")
    return import_rows(mapping, table, None if files is None else ImageFinder(ROOT, files))


def test_a_whole_report_is_taken_apart_and_ids_keep_their_zeros() -> None:
    rows = [
        {"id": "007", "text": REPORT, "file": "a.png;b.png", "v": "PA", "who": "01", "when": "06.05.2024"},
        {"id": "007", "text": REPORT, "file": "c.png", "v": "lat", "who": "01", "when": "06.05.2024"},
        {
            "id": "008",
            "text": "FINDINGS: Clear.<br>No effusion.",
            "file": "../x.png",
            "who": "2",
            "when": "n",
        },
        {"id": "009", "text": "{\\rtf1 x}", "file": "b.png", "who": "3"},
        {"id": None, "text": REPORT, "file": "b.png", "who": "3"},
        {"id": "010", "text": None, "file": None, "v": "Thorax a.p. liegend", "who": None},
    ]
    found = imported(
        rows, ["a", "b", "c"], images=["file"], view="v", patient_id="who", date="when",
        date_format="%d.%m.%Y", views={"thorax a.p. liegend": "frontal"},
    )  # fmt: skip
    studies, images, exclusions, _ = found.corpus
    assert studies[["study_id", "patient_id", "study_date"]].fillna("-").to_numpy().tolist() == [
        ["007", "01", "2024-05-06"],
        ["008", "2", "-"],
        ["010", "010", "-"],
    ]
    assert found.bad_dates == 1
    assert studies["findings"].fillna("-").tolist() == ["The heart is big.", "Clear.\nNo effusion.", "-"]
    assert studies.loc[0, ["indication", "impression", "findings_source"]].tolist() == [
        "Cough.",
        "Cardiomegaly.",
        "findings",
    ]
    assert images.to_numpy().tolist() == [
        ["a", "007", "frontal", "table"],
        ["b", "007", "frontal", "table"],
        ["c", "007", "lateral", "table"],
    ]
    assert exclusions[["id", "reason"]].to_numpy().tolist() == [
        ["row 5", "rtf_text"],
        ["row 4", "path_outside_folder"],
        ["b", "no_study_id"],
        ["row 7", "no_image_name"],
    ]


def test_sections_in_columns_and_images_called_as_their_study() -> None:
    rows = [{"id": "1", "f": "Clear.", "i": "None."}, {"id": "1", "f": "Clear."}, {"id": "2", "f": "Wide."}]
    found = imported(rows, ["1/a", "1/b", "9"], report=None, findings="f", impression="i")
    studies, images, exclusions, _ = found.corpus
    assert studies["findings"].tolist() == ["Clear.", "Wide."]
    assert studies["impression"].isna().all()
    assert images["image_id"].tolist() == ["1/a", "1/b"]
    assert exclusions["reason"].tolist() == ["duplicate_study", "study_without_image"]


CELL = st.one_of(st.none(), st.sampled_from(["1", "2", "1.0", "x", "None", "5E+07", "a;b", "{\\rtf", "\n"]))


@settings(max_examples=30)
@given(st.lists(st.fixed_dictionaries({"id": CELL, "text": CELL, "who": CELL}), min_size=1, max_size=8))
def test_rows_in_are_studies_and_exclusions_out(rows: list[dict[str, str | None]]) -> None:
    studies, images, exclusions, _ = imported(rows, None, patient_id="who").corpus
    assert len(studies) + len(exclusions) == len(rows)
    assert images["study_id"].tolist() == studies["study_id"].tolist()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    found = imported(
        [{"id": "007", "text": REPORT, "s": "val"}, {"id": "8", "text": None, "s": "test"}], split="s"
    )
    write_imported(found, tmp_path)
    again = parse_imported(ImportedConfig(root=str(tmp_path)))
    for before, after in zip(found.corpus[:3], again[:3], strict=True):
        pd.testing.assert_frame_equal(before, after[before.columns])
    assert (tmp_path / "splits.csv").read_text().split() == ["study_id,split", "007,val", "8,test"]


def test_what_patients_share() -> None:
    studies = pd.DataFrame(
        {"study_id": ["1", "2", "3"], "patient_id": ["a", "b", "a"], "findings": "Clear.", "impression": None}
    )
    images = pd.DataFrame({"image_id": ["x", "y", "z"], "study_id": ["1", "2", "3"]})
    splits = pd.DataFrame({"study_id": ["1", "2", "3"], "split": ["train", "val", "Test "]})
    table = shared(studies, images, splits, {"x": "d", "y": "d"})
    assert table[["check", "shared", "studies touched", "verdict"]].to_numpy().tolist() == [
        ["image", 1, 2, "leak"],
        ["text", 1, 3, "shared"],
        ["patient", 1, 2, "leak"],
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The lungs are clear and there is no effusion.", "English"),
        ("Sin derrame pleural. El corazón con tamaño normal en los límites.", "Spanish"),
        ("Kein Erguss, das Herz ist nicht vergrößert.", "German"),
        ("Pas d'épanchement, les poumons sont clairs et le cœur est normal.", "French"),
        ("123", "not recognised"),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert language_of(text) == language


def test_mappings_that_cannot_work(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yml"
    path.write_text("study_id: id\nimages: file\nfindings: f\n")
    assert read_settings(path, {"study_id": "acc", "view": None}).columns() == ["acc", "f", "file"]
    for text, told in (
        ("study_id: id", "import.report"),
        ("study_id: id\nreport: r\nfindings: f", "null where sections have columns"),
        ("study: id", "Did you mean 'study_id'"),
        ("report: r", "'import.study_id' has no value"),
        ("- a", "must be a mapping"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=told):
            read_settings(path, {})
