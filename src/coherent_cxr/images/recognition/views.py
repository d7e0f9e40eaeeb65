"""Views missing from the tables: from DICOM tags, else by a classifier trained on the known views."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.images.reading.decode import UnreadableImageError, read_square
from coherent_cxr.images.reading.dicom.remarks import dicom_view
from coherent_cxr.images.recognition.similarity import SIDE
from coherent_cxr.images.recognition.view_classifier import FRONTAL, LATERAL, ViewClassifier, rank_features
from coherent_cxr.images.source import ImageSource
from coherent_cxr.runtime.cores import usable_cores
from coherent_cxr.runtime.progress_line import ProgressLine

STATED = ("dicom", "metadata", "projection", "file")
FEWEST, MOST = 30, 1000
BATCH = 64


class Views(NamedTuple):
    """What was found out about views.

    Attributes:
        images: The table with views and view_source completed.
        report: Counts, and the classifier's accuracy.
        classifier: The view classifier; None if too few views are known.
    """

    images: pd.DataFrame
    report: dict[str, Any]
    classifier: ViewClassifier | None


def complete_views(images: pd.DataFrame, source: ImageSource, seed: int = 0) -> Views:
    """Find out the views that the corpus leaves open or that a rule has guessed.

    DICOM tags come first. For the rest, a logistic regression on ranks of grey levels (32 × 32 pixels) is
    trained on up to 1,000 images per view whose view is known, and judged on them by five-fold
    cross-validation over studies. Where it is less than 80 % sure, or fewer than 30 images of a view are
    known, the view stays as it was.

    Args:
        images: image_id, study_id, view and, if known, view_source (what decided).
        source: Where the files are.
        seed: Which images of known view it learns from.

    Returns:
        The images, a report and the classifier, which is learnt for later images even if no view is open.
    """
    images = images.copy()
    if "view_source" not in images:
        images["view_source"] = np.where(images["view"] == "unknown", "none", "file")
    there = images["image_id"].isin(set(source.files))
    open_rows = images.index[there & ~images["view_source"].isin(STATED)]
    report: dict[str, Any] = {"open": len(open_rows), "from_dicom": 0, "classified": 0, "accuracy": None}
    tagged = [image_id for image_id in images.loc[open_rows, "image_id"] if source.is_dicom(image_id)]
    tags = {image_id: dicom_view(data) for image_id, data in source.read(tagged)}
    for row in open_rows:
        view = tags.get(images.loc[row, "image_id"], "unknown")
        if view != "unknown":
            images.loc[row, ["view", "view_source"]] = [view, "dicom"]
            report["from_dicom"] += 1
    open_rows = images.index[there & ~images["view_source"].isin(STATED)]
    labelled = images[there & images["view_source"].isin(STATED) & images["view"].isin([FRONTAL, LATERAL])]
    classifier = _learn(labelled, source, seed)
    if classifier is None:
        return Views(images, report, None)
    report |= {"learnt_from": classifier.learnt_from, "accuracy": classifier.accuracy}
    unknown = _features(source, images.loc[open_rows, "image_id"])
    for row in open_rows:
        features = unknown.get(images.loc[row, "image_id"])
        found = None if features is None else classifier.view(features)
        if found is not None:
            images.loc[row, ["view", "view_source"]] = [found, "classifier"]
            report["classified"] += 1
    return Views(images, report, classifier)


def _learn(labelled: pd.DataFrame, source: ImageSource, seed: int) -> ViewClassifier | None:
    counts = labelled["view"].value_counts()
    if len(counts) < 2 or counts.min() < FEWEST or labelled["study_id"].nunique() < 2:
        return None
    chosen = (
        labelled.groupby("view").sample(frac=1, random_state=seed).groupby("view").head(MOST).sort_index()
    )
    known = _features(source, chosen["image_id"])
    chosen = chosen[chosen["image_id"].isin(set(known))]
    if chosen["view"].nunique() < 2:
        return None
    features = np.stack([known[image_id] for image_id in chosen["image_id"]])
    return ViewClassifier.learn(features, chosen["view"].to_numpy(), chosen["study_id"].to_numpy())


def _features(source: ImageSource, image_ids: Sequence[str] | pd.Series) -> dict[str, NDArray[np.float32]]:
    def feature(item: tuple[str, bytes]) -> tuple[str, NDArray[np.float32] | None]:
        try:
            return item[0], rank_features(read_square(item[1], SIDE).pixels)
        except UnreadableImageError:
            return item[0], None  # becomes an exclusion when the store is built

    files = source.read(list(image_ids))
    features: dict[str, NDArray[np.float32]] = {}
    bar = ProgressLine(len(image_ids), "views", "images")
    with bar, ThreadPoolExecutor(usable_cores()) as pool:
        while batch := list(islice(files, BATCH)):  # a pool would take in all the files at once
            features.update((name, values) for name, values in pool.map(feature, batch) if values is not None)
            bar.update(len(batch))
    return features
