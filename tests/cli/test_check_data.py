"""``check-data`` counts the images of the corpus' studies, and fails where the run would."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from coherent_cxr.cli import main

REPOSITORY = Path(__file__).resolve().parents[2]
REPORT_ROWS = "uid,indication,comparison,findings,impression\n1,,,Clear.,\n2,,,Big heart.,\n3,,,N/A,Well.\n"
PROJECTION_ROWS = """uid,filename,projection
1,1_IM-0001-4001.dcm.png,Frontal
1,1_IM-0001-3001.dcm.png,Lateral
2,2_IM-0652-1001.dcm.png,Frontal
3,3_IM-0652-1001.dcm.png,Frontal
"""


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environment `kaggle` reads a corpus beside it; commands are typed in a folder below."""
    project = tmp_path / "project"
    shutil.copytree(REPOSITORY / "conf" / "base", project / "conf" / "base")
    for name in ("conf/local", "conf/kaggle", "src", "notes"):
        (project / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "pyproject.toml", project)
    folder = tmp_path / "corpus"
    (folder / "images").mkdir(parents=True)
    (folder / "indiana_reports.csv").write_text(REPORT_ROWS)
    (folder / "indiana_projections.csv").write_text(PROJECTION_ROWS)
    for stem in ("1_IM-0001-4001", "1_IM-0001-3001", "2_IM-0652-1001", "3_IM-0652-1001", "77_IM-1"):
        Image.linear_gradient("L").save(folder / "images" / f"{stem}.dcm.png")
    _settings(folder)
    monkeypatch.chdir(project / "notes")
    return folder


def _settings(
    folder: Path, images: str = "../corpus/images", split: str = "null", views: str = "[frontal]"
) -> None:
    (folder.parent / "project" / "conf" / "kaggle" / "parameters.yml").write_text(
        "report_parsing: {corpus: openi_kaggle, reports: ../corpus}\n"
        f"fabrication: {{images_root: {images}}}\n"
        f"image_preparation: {{views: {views}}}\n"
        f"vocabulary_building: {{split_file: {split}}}\n"
    )


def _check() -> Result:
    return CliRunner().invoke(main, ["check-data", "--env", "kaggle"], env={"COLUMNS": "300"})


@pytest.mark.slow
def test_images_that_belong_to_a_study_with_findings_are_counted(corpus: Path) -> None:
    answer = _check()
    assert answer.exit_code == 0, answer.output
    assert "3 studies, 2 with findings; 0 files or rows would be left out" in answer.output
    assert "5 files in ../corpus/images, 2 belong to 2 studies with findings" in answer.output
    assert "0.0 GB for 2 images of 128 px" in answer.output


def test_phantoms_take_time_and_space_too(corpus: Path) -> None:
    _settings(corpus, images="null")
    answer = _check()
    assert answer.exit_code == 0, answer.output
    assert "images: 2 phantoms are synthesised in about 1 s; no radiograph is needed" in answer.output
    assert "0.0 GB for 2 images of 128 px" in answer.output
    assert "the whole run" not in answer.output


def test_the_demonstration_says_what_a_run_takes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project/conf/local/parameters.yml").write_text(
        (tmp_path / "project/conf/kaggle/parameters.yml").read_text().replace("../corpus/images", "null")
    )
    answer = CliRunner().invoke(main, ["check-data"], env={"COLUMNS": "300"})
    assert "the whole run: about 20 min on a 2-core AMD EPYC, and 0.6 GB on disk" in answer.output


def test_images_of_another_corpus_are_missing(corpus: Path) -> None:
    for number, path in enumerate((corpus / "images").iterdir()):
        path.rename(path.with_name(f"scan{number}.png"))
    answer = _check()
    assert answer.exit_code == 1
    assert "none of them belongs to a study with findings" in answer.output
    assert "the corpus' images '1_IM-0001-4001'" in answer.output


def test_images_of_no_wanted_view_are_missing(corpus: Path) -> None:
    (corpus / "indiana_projections.csv").write_text(PROJECTION_ROWS.replace("Frontal", "Lateral"))
    answer = _check()
    assert answer.exit_code == 1
    assert "none of 3 has a view that image_preparation.views names (frontal)" in answer.output


def test_images_none_of_which_can_be_read_are_missing(corpus: Path) -> None:
    for path in (corpus / "images").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    answer = _check()
    assert answer.exit_code == 1
    assert "2 of 2 looked at cannot be read" in answer.output


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("study_id,split\nCXR1,train\nCXR2,test\n", ""),
        ("study_id,split\nCXR1,val\nCXR2,test\n", "no study of ../corpus/split.csv's training split"),
        ("study_id,split\n51,train\n52,test\n", "no study of ../corpus/split.csv's training split"),
        ("study_id,split\nCXR1,train,more\n", "Row 2 of '../corpus/split.csv' (line 2) has 3 fields"),
        ("study_id,part\nCXR1,train\n", "has no column split"),
        (None, "vocabulary_building.split_file"),
    ],
)
@pytest.mark.slow
def test_a_split_of_other_studies_is_missing(corpus: Path, rows: str | None, told: str) -> None:
    _settings(corpus, split="../corpus/split.csv")
    if rows is not None:
        (corpus / "split.csv").write_text(rows)
    answer = _check()
    assert answer.exit_code == (1 if told else 0), answer.output
    assert told in answer.output


def test_names_of_files_reach_the_terminal_as_escapes(corpus: Path) -> None:
    (corpus / "images" / "\x1b[2J").mkdir()
    (corpus / "images").rename(corpus / "im\x1b[2Jages")
    _settings(corpus, images='"../corpus/im\\x1b[2Jages"')
    answer = _check()
    assert r"im\x1b[2Jages" in answer.output
    assert "\x1b[2J" not in answer.output
