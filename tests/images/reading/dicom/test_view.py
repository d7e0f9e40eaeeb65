"""The view of a radiograph stands in one of several tags."""

import pytest
from pydicom.dataset import Dataset

from coherent_cxr.images.reading.dicom.remarks import dicom_view
from helpers.dicom_files import RAMP_12_BIT, dataset, written


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"ViewPosition": "PA"}, "frontal"),
        ({"ViewPosition": "ap "}, "frontal"),
        ({"ViewPosition": "LL"}, "lateral"),
        ({"SeriesDescription": "Chest LAT 2"}, "lateral"),
        ({"ViewPosition": "", "SeriesDescription": "W033 Chest PA"}, "frontal"),
        ({"SeriesDescription": "Patella"}, "unknown"),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, "lateral"),
        ({"PatientOrientation": ["L", "F"]}, "frontal"),
        ({"ViewPosition": "LL", "PatientOrientation": []}, "lateral"),
        ({}, "unknown"),
    ],
)
def test_view_is_read_from_the_tags(tags: dict[str, object], view: str) -> None:
    assert dicom_view(written(dataset(RAMP_12_BIT, **tags))) == view


def test_view_code_sequence_is_read_and_damage_is_unknown() -> None:
    code = Dataset()
    code.CodeMeaning = "postero-anterior"
    data = written(dataset(RAMP_12_BIT, ViewCodeSequence=[code]))
    assert dicom_view(data) == "frontal"
    assert dicom_view(data[:150]) == "unknown"
    assert dicom_view(b"\x89PNG") == "unknown"
