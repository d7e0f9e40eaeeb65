"""The manifest of a bundle: the SHA-256 of every file, written at save and verified at load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
FORMAT = 1
MAX_MANIFEST_BYTES = 1 << 16


class BundleError(ValueError):
    """A folder that is no model bundle, or not the one that was saved; the message says what to do."""


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Write the manifest of files that lie in a folder.

    Args:
        folder: The bundle.
        names: Its files.
    """
    files = {}
    for name in sorted(names):
        data = (folder / name).read_bytes()
        files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / MANIFEST).write_text(json.dumps({"files": files, "format": FORMAT}, indent=2) + "\n")


def manifest_digest(folder: Path) -> str:
    """Return the SHA-256 of a bundle's manifest, which stands for every byte of the bundle.

    Raises:
        BundleError: If the folder has no manifest.
    """
    return hashlib.sha256(_manifest_bytes(folder)).hexdigest()


def require_digest(folder: Path, digest: str | None) -> None:
    """Refuse a bundle that is not the one that was registered.

    Args:
        folder: The bundle.
        digest: What :func:`manifest_digest` said of the registered one; None if it was not recorded.

    Raises:
        BundleError: If its manifest is another one, or absent.
    """
    if manifest_digest(folder) != digest and digest is not None:
        raise damaged(folder, f"its {MANIFEST} is not the one of the bundle that was registered")


def read_verified(folder: Path, limits: Mapping[str, int], needed: Iterable[str]) -> dict[str, bytes]:
    """Read the files of a bundle; what is returned is what was hashed, so nobody can change it in between.

    Args:
        folder: The bundle.
        limits: Files that a bundle may have, with the most bytes of each.
        needed: Those that it must have.

    Returns:
        Content by file name, of the files that the manifest names.

    Raises:
        BundleError: If the manifest is absent or damaged, or a file is missing or not the one that was saved.
    """
    files = _parse(_manifest_bytes(folder), folder)
    wrong = [name for name in files if name not in limits] + [name for name in needed if name not in files]
    if wrong:
        raise damaged(folder, f"its {MANIFEST} does not name the files of a bundle")
    for name, (size, _) in files.items():
        path = folder / name
        if not path.is_file():
            raise damaged(folder, f"'{name}' is missing")
        if size > limits[name]:
            raise damaged(folder, f"'{name}' has {size:,} bytes; at most {limits[name]:,} are read")
        if path.stat().st_size != size:
            raise damaged(folder, f"'{name}' has not the {size:,} bytes that were saved")
    contents = {}
    for name, (_, digest) in sorted(files.items(), key=lambda item: item[1]):  # the largest file last
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise damaged(folder, f"'{name}' is not the file that was saved (its SHA-256 differs)")
        contents[name] = content
    return contents


def damaged(folder: Path, reason: str) -> BundleError:
    """Return the refusal of a bundle.

    Args:
        folder: The bundle.
        reason: What is wrong, without a full stop.
    """
    return BundleError(
        f"The model bundle '{folder}' cannot be used: {reason}. Copy it again from where it was made, or run "
        "the stage that makes it again."
    )


def _manifest_bytes(folder: Path) -> bytes:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(
            f"There is no model bundle '{folder}'. Name a folder written by a training stage, or run "
            "`kedro run --pipelines mle_training` to make one."
        )
    if not path.is_file():
        raise BundleError(
            f"'{folder}' is not a model bundle: '{MANIFEST}' is missing, so nobody can tell whether its "
            "files belong together. Name a folder written by a training stage, or run `kedro run --pipelines "
            "mle_training` to make one; docs/serving.md says how to seal a bundle of an earlier version."
        )
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise damaged(folder, f"its {MANIFEST} has more than {MAX_MANIFEST_BYTES:,} bytes")
    return path.read_bytes()


def _parse(data: bytes, folder: Path) -> dict[str, tuple[int, str]]:
    try:
        manifest: dict[str, Any] = json.loads(data)
        known = manifest["format"] == FORMAT
        files = {str(name): (int(of["bytes"]), str(of["sha256"])) for name, of in manifest["files"].items()}
    except Exception as error:  # whatever a foreign file makes of a parser
        raise damaged(folder, f"its {MANIFEST} is damaged ({type(error).__name__})") from error
    if not known:
        raise damaged(folder, f"its {MANIFEST} has a format that this version does not read")
    return files
