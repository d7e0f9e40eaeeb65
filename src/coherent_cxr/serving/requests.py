"""Requests from outside: their rows, and the bytes of an image, or a sentence that says why not."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from coherent_cxr.inputs.limits import MAX_FILE_BYTES
from coherent_cxr.inputs.quoting import listed

FORM = '{"inputs": [{"image": "<a PNG, JPEG or DICOM file in base64>"}]}'
MOST_ROWS = 1_000
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


def image_of(row: Any, name: str) -> bytes:
    """Return the bytes of a row's image.

    Args:
        row: A mapping, or an object, with a field ``image``; see :func:`image_bytes`.
        name: What messages call the image.

    Raises:
        RequestError: If there is no such field, or it holds no image in base64.
    """
    if not isinstance(row, Mapping):
        row = vars(row) if hasattr(row, "image") else row
    if not isinstance(row, Mapping):
        raise RequestError("no_row", f"{name} stands in no object with a field 'image'. Send {FORM}.")
    if "image" not in row:
        fields = listed(sorted(map(str, row))) or "none"
        raise RequestError("no_field", f"{name} is missing: the field 'image'; there is: {fields}.")
    return image_bytes(row["image"], name)


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
