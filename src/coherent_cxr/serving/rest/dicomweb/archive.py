"""An archive that speaks DICOMweb: which images a study has, their bytes, and a place for reports."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pydicom
import requests
from dicomweb_client import DICOMwebClient
from pydicom.uid import UID

from coherent_cxr.inputs.limits import LimitError
from coherent_cxr.serving.rest.requests.refusals import RefusedError
from coherent_cxr.serving.rest.settings import ServiceSettings

logger = logging.getLogger(__name__)

SECONDS = 20.0
"""Longest time between two answers of the archive."""
ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'
SERIES, CLASS, INSTANCE = "0020000E", "00080016", "00080018"
_UID = re.compile(r"[0-9][0-9.]{0,62}[0-9]")


class ArchiveAddressError(ValueError):
    """An address that is none of an archive; the message says what one looks like."""


class Archive:
    """An archive.

    Args:
        url: Root of its DICOMweb services, for example ``http://localhost:8042/dicom-web``.
        settings: Limits.

    Raises:
        ArchiveAddressError: If that is no address.
    """

    def __init__(self, url: str, settings: ServiceSettings) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ArchiveAddressError(
                "The address of an archive must be like http://localhost:8042/dicom-web, without a query."
            )
        self._settings, self._url = settings, url.rstrip("/")

    def fetch(self, study_uid: str) -> list[bytes]:
        """Return the files of a study's images, as they lie in the archive.

        Args:
            study_uid: Study Instance UID.

        Raises:
            RefusedError: If that is no UID, the archive has no images of it or too many, or does not answer.
        """
        if not _UID.fullmatch(study_uid):
            raise RefusedError(422, "wrong_study_uid", "The address does not end with a Study Instance UID.")
        with _answering():
            client = self._client()
            found = client.search_for_instances(study_uid, limit=1000)
            images = [entry for entry in found if "Image Storage" in UID(_first(entry, CLASS)).name]
            if not images:
                raise RefusedError(404, "no_study", "The archive has no images of this study.")
            most = self._settings.max_images
            if len(images) > most:
                message = f"The study has {len(images)} images; the service reads {most} at most."
                raise RefusedError(413, "too_many_images", message)
            return [self._instance(client, study_uid, entry) for entry in images]

    def store(self, document: bytes) -> None:
        """Store a document in the archive.

        Raises:
            RefusedError: If the archive does not take it, or does not answer.
        """
        with _answering():
            answer = self._client().store_instances([pydicom.dcmread(io.BytesIO(document))])
            if not answer.get("ReferencedSOPSequence"):
                raise RefusedError(502, "not_stored", "The archive did not take the report.")

    def _client(self) -> DICOMwebClient:
        client = DICOMwebClient(
            self._url, session=_BoundedSession(self._settings.max_request_bytes), timeout=SECONDS
        )
        client.set_http_retry_params(retry=False)
        return client

    def _instance(self, client: DICOMwebClient, study_uid: str, entry: dict[str, Any]) -> bytes:
        place = f"series/{_first(entry, SERIES)}/instances/{_first(entry, INSTANCE)}"
        parts = list(client.iter_bulkdata(f"{self._url}/studies/{study_uid}/{place}"))
        if len(parts) != 1:
            raise RefusedError(502, "archive_failed", "The archive sent something else than an image.")
        return bytes(parts[0])


class _BoundedSession(requests.Session):
    """Reads no more than it may, in all, and asks for images in the compression that they have."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def get(self, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        headers = dict(options.pop("headers", None) or {})
        if str(headers.get("Accept", "")).startswith("multipart/"):
            headers["Accept"] = ANY_SYNTAX
        response = super().get(url, headers=headers, **{**options, "stream": True})
        pieces = response.iter_content

        def bounded(*arguments: Any, **named: Any) -> Iterator[Any]:
            for piece in pieces(*arguments, **named):
                self._left -= len(piece)
                if self._left < 0:
                    raise LimitError("The archive sent more than the service reads.")
                yield piece

        response.iter_content = bounded  # type: ignore[method-assign]
        return response


@contextmanager
def _answering() -> Iterator[None]:
    """Say in a sentence what an archive did wrong; its own words may name a patient."""
    try:
        yield
    except RefusedError:
        raise
    except LimitError:
        raise RefusedError(413, "study_too_large", "The study is larger than a request may be.") from None
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status == 404:
            raise RefusedError(404, "no_study", "The archive has no such study.") from None
        raise RefusedError(502, "archive_failed", f"The archive answered with status {status}.") from None
    except requests.RequestException as error:
        logger.warning("The archive does not answer (%s).", type(error).__name__)
        raise RefusedError(502, "no_archive", "The archive does not answer.") from None
    except Exception as error:  # what it sent is no DICOMweb
        logger.warning("The archive's answer cannot be read (%s).", type(error).__name__)
        raise RefusedError(502, "archive_failed", "The archive's answer cannot be read.") from None


def _first(entry: dict[str, Any], tag: str) -> str:
    values = entry.get(tag, {}).get("Value") or [""]
    return str(values[0])
