"""Which image file a cell of somebody's table means."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from coherent_cxr.inputs.names import printable

_ENDING = re.compile(r"\.(png|jpe?g|dcm|dicom)$", re.IGNORECASE)
_ABSOLUTE = re.compile(r"/|[A-Za-z]:|~")


class FoundImage(NamedTuple):
    """What a cell means.

    Attributes:
        image_id: The image, or None.
        reason: Why there is none, as a short code, or None.
        detail: The same as a sentence.
    """

    image_id: str | None
    reason: str | None = None
    detail: str | None = None


class ImageFinder:
    """Finds images of a folder by what a table calls them.

    Capitals and the two ways of writing an accent do not matter, nor does the ending. A name without folders
    is enough where one file only has it. Nothing outside the folder is ever named.

    Args:
        root: The folder.
        image_ids: Its images: paths below the folder without endings.
        prefix: Start of the paths that stands for the folder.
    """

    def __init__(self, root: Path, image_ids: Iterable[str], prefix: str = "") -> None:
        self._starts = [start for start in map(_slashed, (prefix, str(root), str(root.resolve()))) if start]
        self._by_path: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_study: dict[str, list[str]] = defaultdict(list)
        for image_id in sorted(image_ids):
            plain = _plain(image_id)
            *folders, name = plain.split("/")
            self._by_path[plain].append(image_id)
            self._by_name[name].append(image_id)
            for part in {*folders, name, re.split(r"[_-](?=[^_-]*$)", name)[0]}:
                self._by_study[part].append(image_id)

    def find(self, given: str) -> FoundImage:
        """Return the image that a path means, or why none."""
        path, shown = _slashed(given), printable(given)
        for start in self._starts:
            if path.casefold().startswith(f"{start.casefold()}/"):
                path = path[len(start) + 1 :]
                break
        parts = [part for part in PurePosixPath(path).parts if part != "."]
        if ".." in parts or _ABSOLUTE.match(path):
            advice = "give what leads there as path_prefix" if _ABSOLUTE.match(path) else "correct the path"
            detail = f"'{shown}' is not in the folder of images; {advice}."
            return FoundImage(None, "path_outside_folder", detail)
        plain = _plain("/".join(parts))
        stem = _ENDING.sub("", plain)
        found = self._by_path.get(plain) or self._by_path.get(stem)
        if not found and len(parts) == 1:
            found = self._by_name.get(plain) or self._by_name.get(stem)
        if not found:
            return FoundImage(None, "missing_image", f"There is no image file '{shown}' in the folder.")
        if len(found) > 1:
            detail = f"'{shown}' may mean {len(found)} files; give their folders, too."
            return FoundImage(None, "ambiguous_image", detail)
        return FoundImage(found[0])

    def of_study(self, study_id: str) -> list[str]:
        """Return the images whose file or folder is called as the study, or by its name and a number."""
        return self._by_study.get(_plain(study_id), [])


def _slashed(path: str) -> str:
    return path.strip().replace("\\", "/").rstrip("/")


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
