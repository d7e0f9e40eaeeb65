"""Requests from outside: their rows, and the bytes of an image, or a sentence that says why not."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

from coherent_cxr.images.reading.notes import Note
from coherent_cxr.inputs.limits import MAX_FILE_BYTES
from coherent_cxr.inputs.quoting import listed
from coherent_cxr.serving.study.study import GivenImage, Study

FORM = '{"inputs": [{"image": "<a PNG, JPEG or DICOM file in base64>"}]}'
MOST_ROWS = 1_000
IMAGES: dict[str, Literal["frontal", "lateral"] | None] = {
    "image": None,
    "frontal_image": "frontal",
    "lateral_image": "lateral",
}
"""Fields that hold an image, with its view."""
TEXTS = ("indication", "technique", "comparison")
"""Fields that clients of CXRReportGen send as well."""
_URL_SAFE = str.maketrans("-_", "+/")


class RequestError(ValueError):
    """A request, or one row of it, that cannot be read; the message repeats nothing of an image.

    Attributes:
        reason: Short code, for example ``"no_base64"``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def rows_of(request: Any) -> list[Any]:
    """Return the rows of a request.

    Args:
        request: A list of rows, or a table (pandas) with a column ``image``.

    Raises:
        RequestError: If it is neither, is empty, or has more than 1,000 rows.
    """
    if hasattr(request, "to_dict") and hasattr(request, "columns"):
        request = request.to_dict(orient="records")
    if not isinstance(request, list):
        raise RequestError("no_list", f"The request holds no list of images. Send {FORM}.")
    if not request:
        raise RequestError("no_image", f"The request holds no image. Send {FORM}.")
    if len(request) > MOST_ROWS:
        raise RequestError(
            "too_many_images", f"The request holds {len(request):,} images; send at most {MOST_ROWS:,}."
        )
    return request


def study_of(row: Any, name: str) -> Study:
    """Return the images of a row.

    Args:
        row: A mapping, or an object, with a field ``image``, or with ``frontal_image``, ``lateral_image`` or
            both, as clients of CXRReportGen send them; see :func:`image_bytes`.
        name: What messages call the image.

    Raises:
        RequestError: If there is no such field, or it holds no image in base64.
    """
    row = _fields(row, name)
    given = [field for field in IMAGES if not _is_absent(row.get(field))]
    if not given and "image" in row:
        given = ["image"]  # which says what is wrong with it
    if not given:
        fields = listed(sorted(map(str, row))) or "none"
        raise RequestError("no_field", f"{name} is missing: the field 'image'; there is: {fields}.")
    if "image" in given and len(given) > 1:
        raise RequestError("two_images", f"{name} stands in 'image' and in '{given[1]}'; send one of them.")
    alone = len(given) == 1
    return Study(
        tuple(
            GivenImage(
                image_bytes(row[field], name if alone else f"{name} ({field})"),
                name if alone else f"{name} ({field})",
                IMAGES[field],
            )
            for field in given
        )
    )


def texts_ignored(row: Any) -> list[Note]:
    """Return a note if texts came beside the images of a row, which the model does not read."""
    row = row if isinstance(row, Mapping) else vars(row)
    sent = [field for field in TEXTS if not _is_absent(row.get(field))]
    if not sent:
        return []
    return [Note("texts_ignored", f"The model reads images alone; {listed(sent)} changed nothing.")]


def _is_absent(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _fields(row: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        row = vars(row) if hasattr(row, "image") else row
    if not isinstance(row, Mapping):
        raise RequestError("no_row", f"{name} stands in no object with a field 'image'. Send {FORM}.")
    return row


def image_bytes(value: Any, name: str) -> bytes:
    """Decode an image file from base64.

    Line breaks and blanks, the alphabet for addresses (``-`` and ``_``), absent padding and the head of a
    data URI (``data:image/png;base64,``) are read; bytes are taken as they are.

    Args:
        value: The field of a request.
        name: What messages call the image.

    Raises:
        RequestError: If it is no text, empty, too long or no base64.
    """
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise RequestError("no_text", f"{name} is no text in base64 but {_kind(value)}.")
    if len(value) > 2 * MAX_FILE_BYTES:
        raise RequestError("file_too_large", f"{name} is larger than {MAX_FILE_BYTES / 1e6:.0f} MB.")
    text = value.strip()
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().replace(" ", "").endswith(";base64"):
            raise RequestError("no_base64", f"{name} is a data URI that is not in base64.")
        text = unquote(text) if "%" in text else text
    text = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    if not text:
        raise RequestError("empty_file", f"{name} is empty.")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise RequestError(
            "no_base64", f"{name} is not valid base64. Send the bytes of the file, not its name or address."
        ) from None


def _kind(value: Any) -> str:
    if value is None or value != value:
        return "null"
    return {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object"}.get(
        type(value), "something else"
    )
