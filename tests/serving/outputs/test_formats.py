"""Every form of a report by its name."""

from __future__ import annotations

import json

import pytest

from coherent_cxr.serving.outputs.formats import FORMATS
from helpers.study_reports import make_study

BEGINS = {"text": b"For research only", "json": b"{", "fhir": b'{"resourceType"'}


@pytest.mark.parametrize("name", FORMATS)
def test_every_form_is_made_by_its_name(name):
    made = FORMATS[name].write(make_study(text="Wärme. 心臓"), None)
    assert made.startswith(BEGINS[name]) if name in BEGINS else made[128:132] == b"DICM"
    if "json" in FORMATS[name].media_type:
        json.loads(made)
    assert FORMATS[name].suffix.startswith(".")
