"""Open-I from its publisher: the archives of reports and images, downloaded, verified and unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import PositiveFloat, PositiveInt

from coherent_cxr.configuration import Settings
from coherent_cxr.corpora.download.archives import unpack
from coherent_cxr.corpora.download.files import RemoteFile, fetch

SUFFIXES = (".png", ".jpg", ".dcm")


class DownloadOpeniConfig(Settings):
    """Settings of the pipeline ``download_openi``.

    Attributes:
        folder: Where the archives are kept.
        reports: The archive of XML reports, which is read as it is.
        images: Archives of images, unpacked into ``images_folder``.
        images_folder: Where the images are put.
        attempts: Attempts in a row without a new byte after which a download is given up.
        timeout: Seconds without a byte after which an attempt is given up.
        max_unpacked_gb: Most that the images may unpack to.
    """

    folder: str
    reports: RemoteFile
    images: tuple[RemoteFile, ...]
    images_folder: str
    attempts: PositiveInt
    timeout: PositiveFloat
    max_unpacked_gb: PositiveFloat


def download_openi(config: DownloadOpeniConfig) -> tuple[dict[str, Any], pd.DataFrame]:
    """Download the archives and unpack the images; what is there already is verified, not fetched again.

    Args:
        config: Settings.

    Returns:
        What is where (reports, images, number of images), and members that were left in their archives (id,
        reason, detail).

    Raises:
        DownloadError: If a file cannot be had or is another than expected.
        ArchiveError: If an archive is damaged or unpacks to too much.
    """
    folder, target = Path(config.folder), Path(config.images_folder)
    reports = fetch(config.reports, folder, attempts=config.attempts, timeout=config.timeout)
    exclusions: list[tuple[str, str, str]] = []
    count = 0
    for file in config.images:
        archive = fetch(file, folder, attempts=config.attempts, timeout=config.timeout)
        unpacked = unpack(
            archive, target / archive.name.split(".")[0], SUFFIXES, int(config.max_unpacked_gb * 1e9)
        )
        exclusions += unpacked.exclusions
        count += unpacked.files
    manifest = {"reports": reports.as_posix(), "images_root": target.as_posix(), "images": count}
    return manifest, pd.DataFrame(exclusions, columns=["id", "reason", "detail"]).astype("str")
