"""Images in requests: base64 as clients send it is read, everything else is refused in a sentence."""

from __future__ import annotations

import base64
import textwrap
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.serving.requests import RequestError, image_bytes, rows_of, study_of, texts_ignored

FILE = bytes(range(256)) * 3 + b"\xfb\xef\xff"  # gives "+" and "/" in base64
PLAIN = base64.b64encode(FILE).decode()
SPELLINGS = {
    "plain": PLAIN,
    "line breaks of base64(1)": textwrap.fill(PLAIN, 76) + "\n",
    "MIME line breaks": base64.encodebytes(FILE).decode().replace("\n", "\r\n"),
    "blanks and tabs": " \t".join(textwrap.wrap(PLAIN, 10)),
    "data URI": f"data:image/png;base64,{PLAIN}",
    "data URI in capitals": f"DATA:application/dicom;BASE64,{PLAIN}",
    "data URI with a parameter": f"data:image/png;name=a.png;base64,{PLAIN}",
    "data URI without a type": f"data:;base64,{PLAIN}",
    "data URI with line breaks": f"\n data:image/jpeg;base64,\n{textwrap.fill(PLAIN, 64)}",
    "data URI, quoted": f"data:image/png;base64,{quote(PLAIN, safe='')}",
    "alphabet for addresses": base64.urlsafe_b64encode(FILE).decode(),
    "without padding": PLAIN.rstrip("="),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_base64_of_every_spelling_is_read(spelling: str) -> None:
    assert image_bytes(spelling, "The image") == FILE


@given(st.binary(min_size=1), st.integers(1, 100))
def test_any_bytes_come_back(data: bytes, width: int) -> None:
    text = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), width))
    assert image_bytes(text, "The image") == image_bytes(f"data:x/y;base64,{text}", "The image") == data
    assert image_bytes(text.replace("=", "").replace("+", "-").replace("/", "_"), "The image") == data


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("%%%", "not valid base64"),
        ("not base64!", "not valid base64"),
        ("A", "not valid base64"),
        ("AB=C", "not valid base64"),
        ("\ud800", "not valid base64"),
        ("QUJ\x00D", "not valid base64"),
        ("https://example.org/a.png", "not valid base64"),
        ("data:image/png,AAAA", "data URI that is not in base64"),
        ("data:image/png;base64", "is empty"),
        ("data:image/png;base64,", "is empty"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("====", "is empty"),
        (None, "no text in base64 but null"),
        (float("nan"), "but null"),
        (True, "but a truth value"),
        (5, "but a number"),
        (["AAAA"], "but a list"),
        ({"bytes": "AAAA"}, "but an object"),
    ],
)
def test_what_is_no_base64_is_refused_in_a_sentence(value: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        image_bytes(value, "The image at position 3")
    assert str(refused.value).startswith("The image at position 3 ")
    assert len(str(refused.value)) < 200


def test_a_refusal_repeats_nothing_of_the_image() -> None:
    secret = "PATIENT" * 100
    for row in ({"image": f"{secret}!"}, {"picture": secret}, secret, [secret], {"image": [secret]}):
        with pytest.raises(RequestError) as refused:
            study_of(row, "The image")
        assert "PATIENT" not in str(refused.value)


def test_a_wrong_field_is_named_and_cut() -> None:
    with pytest.raises(RequestError, match=r"the field 'image'; there is: picture, view\."):
        study_of({"view": 1, "picture": PLAIN}, "The image")
    with pytest.raises(RequestError, match=r"there is: none\."):
        study_of({}, "The image")
    with pytest.raises(RequestError) as refused:
        study_of({"x" * 10_000: 1, "\x1b[2J": 1}, "The image")
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()


def test_rows_come_as_lists_tables_and_objects() -> None:
    assert rows_of([{"image": PLAIN}]) == [{"image": PLAIN}]
    table = pd.DataFrame({"image": [PLAIN, None], "other": [1, 2]})
    for row in (rows_of(table)[0], SimpleNamespace(image=PLAIN)):
        assert [image.source for image in study_of(row, "The image").images] == [FILE]


def test_the_columns_of_cxrreportgen_are_read() -> None:
    texts = {"indication": "Cough.", "technique": "", "comparison": None}
    row = {"frontal_image": PLAIN, "lateral_image": PLAIN, **texts}
    images = study_of(row, "The image").images
    assert [(image.view, image.source) for image in images] == [("frontal", FILE), ("lateral", FILE)]
    (note,) = texts_ignored(row)
    assert (note.code, note.level) == ("texts_ignored", "information")
    assert note.detail == "The model reads images alone; indication changed nothing."
    alone = study_of({"frontal_image": PLAIN, "lateral_image": float("nan"), "image": None}, "The image")
    assert [image.view for image in alone.images] == ["frontal"]
    assert texts_ignored({"image": PLAIN}) == texts_ignored(SimpleNamespace(image=PLAIN)) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"frontal_image": "%%", "lateral_image": PLAIN}, r"The image \(frontal_image\) is not valid base64"),
        ({"image": PLAIN, "frontal_image": PLAIN}, "send one of them"),
        ({"frontal_image": None, "lateral_image": ""}, "the field 'image'; there is: frontal_image, lateral"),
        ({"indication": "PATIENT"}, "the field 'image'; there is: indication"),
        ({"image": None, "indication": "PATIENT"}, "no text in base64 but null"),
    ],
)
def test_columns_without_an_image_are_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        study_of(row, "The image")
    assert "PATIENT" not in str(refused.value)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"image": PLAIN}, "no list of images"),
        ("PATIENT", "no list of images"),
        (None, "no list of images"),
        (5, "no list of images"),
        ([], "holds no image"),
        (pd.DataFrame({"image": []}), "holds no image"),
        ([{}] * 1001, "1,001 images"),
    ],
)
def test_what_is_no_list_of_images_is_refused(request_: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        rows_of(request_)
    assert "PATIENT" not in str(refused.value)
