"""``coherent-cxr import``: from a messy export to what the stages read, with a page about it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from coherent_cxr.cli import main
from coherent_cxr.corpora.imported.loader import ImportedConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from helpers.settings import filled

ROWS = (
    'sep=;\r\nAccession;PatNr;Befund;Datei\r\n'
    '0001;A;"FINDINGS: The heart is big.\r\nNo effusion.";pat\\1\\film.png\r\n'
    '0002;B;"FINDINGS: Clear, ""quoted""; and more.";pat/2/film.png\r\n'
    "0003;C;Ärztlich geprüft.;pat/9/film.png\r\n"
)  # fmt: skip
OPTIONS = ("--study-id", "Accession", "--patient-id", "PatNr", "--report", "Befund", "--image", "Datei")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    for number in (1, 2):
        (tmp_path / "films" / "pat" / str(number)).mkdir(parents=True)
        gradient = Image.linear_gradient("L").rotate(90 * number)
        gradient.save(tmp_path / "films" / "pat" / str(number) / "film.png")
    (tmp_path / "export.csv").write_bytes(ROWS.encode("latin-1"))
    return tmp_path


def run(export: Path, *options: str) -> Result:
    given = [str(export / "export.csv"), "--output", str(export / "out"), *(options or OPTIONS)]
    return CliRunner().invoke(main, ["import", *given], env={"COLUMNS": "300"})


def test_an_export_becomes_what_the_stages_read(export: Path) -> None:
    answer = run(export, *OPTIONS, "--images", str(export / "films"))
    assert answer.exit_code == 0, answer.output
    assert "3 studies of 3 patients, 3 with findings or an impression; 2 images" in answer.output
    assert "1 missing_image" in answer.output
    assert f"set COHERENT_CXR_IMPORT={export / 'out'}, then" in answer.output
    assert "kedro run --env imported" in answer.output
    place = ImportedConfig(root=str(export / "out"))
    corpus = parse_reports(filled(ReportParsingConfig, corpus="imported", imported=place))
    assert corpus.studies["findings"].tolist() == [
        "The heart is big.\nNo effusion.", 'Clear, "quoted"; and more.', "Ärztlich geprüft."
    ]  # fmt: skip
    config = filled(ImagePreparationConfig, views=("frontal", "unknown"), work_dir=str(export / "stores"))
    manifest = RadiographsManifest(str(export / "out" / "images"), False, "own", by_path=True)
    prepared = prepare_images(config, corpus.images, corpus.studies["study_id"], manifest)
    assert prepared.store.index["image_id"].tolist() == ["pat/1/film", "pat/2/film"]
    page = (export / "out" / "quality.html").read_text(encoding="utf-8")
    for told in ("English", "the image file is missing", "Cardiomegaly", "studies without an image"):
        assert told in page
    assert "The heart is big" not in page
    assert run(export, *OPTIONS).exit_code == 0  # again: an import is replaced


def test_what_cannot_be_used_is_said(export: Path) -> None:
    answer = run(export, "--study-id", "Akzession", "--report", "Befund")
    assert answer.exit_code == 1
    assert "no column Akzession; it has Accession, PatNr, Befund, Datei" in answer.output
    assert run(export, "--study-id", "Accession").exit_code == 2
    assert "no_such" in run(export, *OPTIONS, "--rules", "no_such").output
    (export / "elsewhere").mkdir()
    Image.new("L", (20, 20)).save(export / "elsewhere" / "9.png")
    answer = run(export, *OPTIONS[:6], "--images", str(export / "elsewhere"))
    assert answer.exit_code == 1
    assert "No image belongs to a study; files are called '9'" in answer.output
    answer = run(export, *OPTIONS, "--encoding", "utf-8")
    assert "is not utf-8" in answer.output
    answer = run(export, *OPTIONS, "--output", str(export / "films"))
    assert "holds other files" in answer.output
    assert (export / "films" / "pat" / "1" / "film.png").is_file()
