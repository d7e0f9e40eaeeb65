"""Dates and times as MIMIC-CXR's metadata have them, spoilt ones too."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from coherent_cxr.corpora.mimic_cxr.dates import Moment, iso_date, iso_time, study_moments
from coherent_cxr.corpora.mimic_cxr.fabrication import FabricatedStudy
from coherent_cxr.corpora.mimic_cxr.files import MimicCxrConfig
from helpers.mimic_publication import parse


@pytest.mark.parametrize(
    ("given", "date"),
    [
        ("21800506", "2180-05-06"),
        ("21800506.0", "2180-05-06"),
        ("2.1800506E+07", "2180-05-06"),
        ("2180-05-06", "2180-05-06"),
        ("22990101", "2299-01-01"),  # beyond pandas' timestamps
        ("21040229", "2104-02-29"),
        ("21000229", None),  # 2100 is no leap year
        ("21801301", None),
        ("00000000", None),
        ("2180", None),
        ("___", None),
        ("1e999", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_dates(given: object, date: str | None) -> None:
    assert iso_date(given) == date


@pytest.mark.parametrize(
    ("given", "time"),
    [
        ("213014.531", "21:30:14"),
        ("93014.0", "09:30:14"),
        ("14", "00:00:14"),
        ("0.0", "00:00:00"),
        ("240000", None),
        ("126000", None),
        ("-1", None),
        ("", None),
        (float("nan"), None),
    ],
)
def test_times(given: object, time: str | None) -> None:
    assert iso_time(given) == time


def _moments(folder: Path, rows: str) -> dict[str, Moment]:
    (folder / "mimic-cxr-2.0.0-metadata.csv").write_text(rows)
    return study_moments(MimicCxrConfig(root=str(folder)))


def test_a_study_was_made_at_the_first_time_of_its_images_unless_they_name_several_days(
    tmp_path: Path,
) -> None:
    assert _moments(
        tmp_path,
        "dicom_id,study_id,StudyDate,StudyTime,ViewPosition\n"
        "a,50000001,21800506,93014.5,PA\nb,50000001,21800506,93001.0,LL\nc,50000001,,,LL\n"
        "d,50000002,21800506,1,PA\ne,50000002,21800507,1,PA\n"
        "f,s50000003,21800506,,PA\ng,,21800506,1,PA\nh,50000004,,12,PA\n",
    ) == {"50000001": Moment("2180-05-06", "09:30:01"), "50000003": Moment("2180-05-06", None)}
    assert _moments(tmp_path, "dicom_id,study_id,ViewPosition\na,50000001,PA\n") == {}
    (tmp_path / "mimic-cxr-2.0.0-metadata.csv").unlink()
    assert study_moments(MimicCxrConfig(root=str(tmp_path))) == {}


def test_the_studies_say_when_they_were_made(publication: tuple[Path, list[FabricatedStudy]]) -> None:
    folder, invented = publication
    studies = parse(folder)[0]
    assert studies["study_date"].tolist() == [study.made.date().isoformat() for study in invented]
    assert studies["study_time"].tolist() == [study.made.time().isoformat() for study in invented]
    place = folder / "mimic-cxr-2.0.0-metadata.csv.gz"
    table = pd.read_csv(place).drop(columns="StudyTime")
    place.write_bytes(gzip.compress(table.to_csv(index=False).encode()))
    studies = parse(folder)[0]
    assert studies["study_date"].notna().all()
    assert studies["study_time"].isna().all()
