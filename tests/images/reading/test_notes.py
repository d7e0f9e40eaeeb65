"""Notes say what they are worth."""

import json

from coherent_cxr.images.reading.notes import INFORMATION, WARNINGS, Level, Note


def test_every_code_has_one_level_and_an_unknown_one_warns() -> None:
    assert not set(WARNINGS) & set(INFORMATION)
    assert {Note(code, "").level for code in WARNINGS} == {Level.WARNING}
    assert {Note(code, "").level for code in INFORMATION} == {Level.INFORMATION}
    assert Note("from_a_newer_version", "").level == Level.WARNING


def test_a_note_is_plain_json() -> None:
    said = Note("multi_frame", "The first of 3 frames was taken.").as_dict()
    assert json.loads(json.dumps(said)) == {
        "code": "multi_frame",
        "level": "warning",
        "detail": "The first of 3 frames was taken.",
    }
