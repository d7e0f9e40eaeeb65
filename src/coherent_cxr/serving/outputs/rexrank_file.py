"""ReXrank's files: studies asked for in one JSON, predictions in another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coherent_cxr.inputs.quoting import quote
from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.outputs.rexrank import PREDICTION, rexrank_entry
from coherent_cxr.serving.study.study import GivenImage, Refusal, Study
from coherent_cxr.storage.whole import written_whole

if TYPE_CHECKING:
    from coherent_cxr.serving.study.writer import StudyWriter

ERROR = "error"
"""Key that says why a prediction is empty."""
SAVED_EVERY = 100
VIEWS = {"frontal": "frontal", "lateral": "lateral", "pa": "frontal", "ap": "frontal", "ll": "lateral"}


class ReXrankFileError(ValueError):
    """A file that is not as ReXrank's; the message names it and says what is expected."""


def read_entries(path: Path) -> dict[str, Any]:
    """Read a file of ReXrank: an object of one entry for each study.

    Args:
        path: JSON.

    Raises:
        ReXrankFileError: If it is no such file.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReXrankFileError(f"There is no file '{path}'.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ReXrankFileError(f"'{path}' cannot be read as JSON ({type(error).__name__}).") from error
    if not isinstance(entries, dict):
        raise ReXrankFileError(
            f"'{path}' holds no object of studies. ReXrank's files map a study's id to its entry, with "
            "image_path and key_image_path."
        )
    return entries


def study_of(study_id: str, entry: object, root: Path) -> Study | Refusal:
    """Return the study of an entry.

    Args:
        study_id: Its key.
        entry: Its value: ``image_path`` (a list of paths, or one), else ``key_image_path``; where
            ``frontal_lateral`` has a view for each path, it is taken.
        root: Folder that the paths count from, whether they begin with a slash or not.
    """
    paths = _paths(entry)
    if not paths:
        detail = f"The entry of {quote(study_id)} names no image: image_path is no list of paths."
        return Refusal(study_id, "no_image", detail)
    views = entry.get("frontal_lateral") if isinstance(entry, Mapping) else None
    known = views if isinstance(views, list) and len(views) == len(paths) else [None] * len(paths)
    images = []
    for path, view in zip(paths, known, strict=True):
        place = Path(
            os.path.normpath(root / path.lstrip("/"))
        )  # links inside of the folder may lead out of it
        if "\0" in path or not place.is_relative_to(os.path.normpath(root)):
            detail = (
                f"The entry of {quote(study_id)} names {quote(path)}, which is outside of the images' folder."
            )
            return Refusal(study_id, "outside", detail)
        images.append(GivenImage(place, path, VIEWS.get(str(view).lower())))  # type: ignore[arg-type]
    return Study(tuple(images), study_id)


def predict(writer: StudyWriter, asked: Mapping[str, Any], root: Path, saved: Path) -> Iterator[bool]:
    """Write a report for every study that has none yet.

    Each entry is kept with ``model_prediction``; where there is no report that is empty, and ``error`` says
    why. The file is saved every 100 studies, and what has a prediction in it is not done again.

    Args:
        writer: Of the model.
        asked: From :func:`read_entries`.
        root: Folder of the images.
        saved: File of the predictions.

    Yields:
        For each study, whether it has a report.

    Raises:
        ReXrankFileError: If the file of predictions is there, and is none.
    """
    done = read_entries(saved) if saved.exists() else {}
    found = {key: done[key] for key in asked if _is_done(done.get(key))}
    yield from (True for _ in found)
    rest = [key for key in asked if key not in found]
    for start in range(0, len(rest), SAVED_EVERY):
        part = rest[start : start + SAVED_EVERY]
        for key, entry in _entries(writer, part, asked, root):
            found[key] = entry
            yield ERROR not in entry
        _save({key: found[key] for key in asked if key in found}, saved)
    if not rest:
        _save(found, saved)


def _entries(
    writer: StudyWriter, keys: Iterable[str], asked: Mapping[str, Any], root: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    studies = {key: study_of(key, asked[key], root) for key in keys}
    outcomes = writer.write_many(one for one in studies.values() if isinstance(one, Study))
    for key, study in studies.items():
        outcome = study if isinstance(study, Refusal) else next(outcomes)
        own = {key: value for key, value in _mapping(asked[key]).items() if key != ERROR}
        if isinstance(outcome, Refusal):
            yield key, {**own, PREDICTION: "", ERROR: storable(outcome.message)}
        else:
            yield key, rexrank_entry(outcome, own)


def _paths(entry: object) -> list[str]:
    if not isinstance(entry, Mapping):
        return []
    for key in ("image_path", "key_image_path"):
        value = entry.get(key)
        paths = [value] if isinstance(value, str) else value
        if isinstance(paths, list) and paths and all(isinstance(path, str) and path for path in paths):
            return paths
    return []


def _mapping(entry: object) -> Mapping[str, Any]:
    return entry if isinstance(entry, Mapping) else {}


def _is_done(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(PREDICTION), str) and ERROR not in entry


def _save(entries: Mapping[str, Any], path: Path) -> None:
    with written_whole(path, make_folders=False) as place:
        place.write_text(json.dumps(entries, indent=4) + "\n", encoding="utf-8")
