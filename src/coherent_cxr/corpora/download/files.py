"""Downloading a corpus' files: resumable, verified, retried."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
import tenacity
from pydantic import PositiveInt

from coherent_cxr.configuration import Settings, require
from coherent_cxr.runtime.progress_line import ProgressLine
from coherent_cxr.storage.exclusive import sole_holder

CHUNK = 1 << 20
_log = logging.getLogger(__name__)


class DownloadError(RuntimeError):
    """A file that cannot be had, or is not the one that was asked for."""


class _TryAgain(Exception):
    pass


class RemoteFile(Settings):
    """One file of a publisher.

    Attributes:
        url: Where it is (http or https).
        bytes: Its size; null takes what the server says.
        sha256: Its checksum; null remembers the first download's and compares later ones with it.
    """

    url: str
    bytes: PositiveInt | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """File name, the last part of the address."""
        return PurePosixPath(urlsplit(self.url).path).name

    def check(self) -> None:
        """Refuse values that cannot work."""
        require(self.url.startswith(("http://", "https://")), "url", self.url, "an http or https address")
        require(bool(self.name), "url", self.url, "the address of a file")
        checksum = self.sha256
        require(checksum is None or len(checksum) == 64, "sha256", checksum, "null or 64 hexadecimal digits")


def fetch(file: RemoteFile, folder: Path, *, attempts: int = 6, timeout: float = 60, wait: float = 1) -> Path:
    """Download one file, continuing where an earlier attempt or run stopped.

    Args:
        file: What to download.
        folder: Where to; the file appears there whole and verified, or not at all.
        attempts: Most attempts that may follow one another without a new byte.
        timeout: Seconds without a byte after which an attempt is given up.
        wait: Seconds before the second attempt; each further wait is twice as long, up to a minute.

    Returns:
        Path of the file.

    Raises:
        DownloadError: If the server refuses, attempts are used up, or size or checksum are wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.name
    with sole_holder(folder / f".{file.name}.lock", file.name):  # a second run waits and finds the file there
        if target.is_file():
            _verify(target, file)
            return target
        part = folder / f"{file.name}.part"
        progress = {"size": part.stat().st_size if part.is_file() else 0, "failures": 0}

        def without_progress(state: tenacity.RetryCallState) -> bool:
            size = part.stat().st_size if part.is_file() else 0
            progress["failures"] = 0 if size > progress["size"] else progress["failures"] + 1
            progress["size"] = max(size, progress["size"])
            return progress["failures"] >= attempts

        try:
            tenacity.retry(
                retry=tenacity.retry_if_exception_type((requests.RequestException, _TryAgain)),
                stop=without_progress,
                wait=tenacity.wait_exponential(multiplier=wait, max=60),
                reraise=True,
            )(_continue)(file, part, timeout)
        except (requests.RequestException, _TryAgain) as error:
            raise DownloadError(
                f"{file.url} could not be downloaded, {attempts} attempts in a row brought nothing "
                f"({type(error).__name__}: {error}). What has arrived is kept in {part}; run again to "
                f"continue, or put the file into {folder} yourself."
            ) from error
        _verify(part, file)
        part.replace(target)
        _validator(part).unlink(missing_ok=True)
        return target


def _continue(file: RemoteFile, part: Path, timeout: float) -> None:
    """Request what is missing and append it; raise what is worth another attempt."""
    have = part.stat().st_size if part.is_file() else 0
    validator = _validator(part).read_text() if _validator(part).is_file() else ""
    headers = {"Accept-Encoding": "identity"}
    if have and validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    with requests.get(file.url, headers=headers, stream=True, timeout=timeout) as response:
        status = response.status_code
        if status == 416 or (status == 206 and not _starts_at(response, have)):
            part.unlink()
            raise _TryAgain("the server could not continue the file")
        if status in (408, 429) or status >= 500:
            raise _TryAgain(f"the server answered {status}")
        if status not in (200, 206):
            raise DownloadError(f"{file.url} cannot be downloaded: the server answered {status}.")
        if status == 200:
            have = 0
            part.unlink(missing_ok=True)
        content_length = response.headers.get("Content-Length")
        total = have + int(content_length) if content_length else file.bytes
        if file.bytes is not None and total is not None and total != file.bytes:
            raise DownloadError(
                f"{file.url} has {total:,} bytes, but {file.bytes:,} are expected; correct its 'bytes'."
            )
        _validator(part).write_text(
            response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        )
        bar = ProgressLine(total, file.name, "bytes", done=have, scaled=True)
        response.raw.enforce_content_length = False  # it would drop the last piece of a broken connection
        with bar, part.open("ab") as out:
            for chunk in response.iter_content(CHUNK):
                out.write(chunk)
                bar.update(len(chunk))
    arrived = part.stat().st_size
    if total is not None and arrived != total:
        raise _TryAgain(f"the connection ended after {arrived:,} of {total:,} bytes")


def _starts_at(response: requests.Response, have: int) -> bool:
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {have}-")


def _validator(part: Path) -> Path:
    return part.with_suffix(".validator")


def _verify(path: Path, file: RemoteFile) -> None:
    """Compare size and checksum; the first checksum of a file is remembered beside it."""
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise DownloadError(
            f"{path} has {size:,} bytes, but {file.bytes:,} are expected; delete it and download it again."
        )
    with path.open("rb") as data:
        found = hashlib.file_digest(data, "sha256").hexdigest()
    ledger = path.parent / "checksums.json"
    known: dict[str, str] = json.loads(ledger.read_text()) if ledger.is_file() else {}
    expected = (file.sha256 or known.get(file.name) or found).lower()
    if found != expected:
        raise DownloadError(
            f"{path} has the SHA-256 {found}, but {expected} is expected; delete it and download it again, "
            "or correct its 'sha256'."
        )
    if file.name not in known:
        writing = ledger.with_suffix(".writing")
        writing.write_text(json.dumps({**known, file.name: found}, indent=2, sort_keys=True) + "\n")
        writing.replace(ledger)
        _log.info("SHA-256 of %s: %s", file.name, found)
