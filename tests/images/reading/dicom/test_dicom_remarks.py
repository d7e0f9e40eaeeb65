"""What a file's tags say about the picture becomes a note, without a word that may name a patient."""

import pytest
from pydicom.dataset import Dataset

from coherent_cxr.images.reading.decode import read_radiograph
from coherent_cxr.images.reading.notes import MEANINGS
from helpers.dicom_files import RAMP_12_BIT, dataset, written


@pytest.mark.parametrize(
    ("tags", "codes"),
    [
        ({"ViewPosition": "LL"}, ["lateral_view"]),
        ({"ViewPosition": "PA", "PatientOrientation": ["P", "F"]}, ["lateral_view"]),
        ({"ViewPosition": "PA", "BodyPartExamined": "CHEST", "Modality": "DX"}, []),
        ({"BodyPartExamined": "knee"}, ["other_body_part"]),
        ({"BodyPartExamined": "LSPINE", "Modality": "CR"}, ["other_body_part"]),
        ({"BodyPartExamined": "CHESTABDOMEN"}, []),
        ({"BodyPartExamined": "Port Chest"}, []),
        ({"BodyPartExamined": "UNKNOWN"}, []),
        ({"SeriesDescription": "Left Hand 2 views"}, ["other_body_part"]),
        ({"BodyPartExamined": "CHEST", "SeriesDescription": "Shoulder"}, []),
        ({"StudyDescription": "XR PELVIS"}, ["other_body_part"]),
        ({"ProtocolName": "Knee AP", "SeriesDescription": "AP"}, ["other_body_part"]),
        ({"ProtocolName": "Thorax", "StudyDescription": "Shoulder"}, []),
        ({"BodyPartExamined": "LOW_EXM"}, ["other_body_part"]),
        ({"Modality": "CT"}, ["other_modality"]),
        ({"Modality": "MR", "BodyPartExamined": "BRAIN"}, ["other_modality", "other_body_part"]),
        ({"BurnedInAnnotation": "Yes "}, ["burned_in_annotation"]),
    ],
)
def test_tags_become_notes(tags: dict[str, object], codes: list[str]) -> None:
    notes = read_radiograph(written(dataset(RAMP_12_BIT, **tags))).notes
    assert [note.code for note in notes] == codes
    assert set(codes) <= set(MEANINGS)
    assert all(note.detail.endswith(".") for note in notes)


def test_the_anatomic_region_counts_and_a_name_in_a_tag_is_not_quoted() -> None:
    region = Dataset()
    region.CodeMeaning = "Knee of Jane Doe"
    notes = read_radiograph(written(dataset(RAMP_12_BIT, AnatomicRegionSequence=[region]))).notes
    assert [note.code for note in notes] == ["other_body_part"]
    assert "(knee)" in notes[0].detail
    assert "Doe" not in repr(notes)
