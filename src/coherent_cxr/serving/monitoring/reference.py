"""The numbers of validation studies, which days are compared with: written where a model is registered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from coherent_cxr.serving.monitoring.drift_log import DriftLog, DriftLogError, model_number
from coherent_cxr.serving.monitoring.measures import COLUMNS, measured

if TYPE_CHECKING:
    from coherent_cxr.images.store import ImageStore
    from coherent_cxr.models.bundle import ModelBundle
    from coherent_cxr.serving.study.study import Study

MODEL = "model"
MOST_STUDIES = 500
"""Enough for shares to one or two per cent, and half a minute of work."""


def validation_measures(bundle: ModelBundle, store: ImageStore, study_ids: Sequence[str]) -> pd.DataFrame:
    """Write reports of validation studies as they would be served, and keep their numbers.

    Args:
        bundle: The model, with everything that it is served with.
        store: Prepared images.
        study_ids: Of the validation split; of more than :data:`MOST_STUDIES` a random part is taken.

    Returns:
        A row for each study, without its name, with the columns of a drift log's reports. Seconds are
        missing: they say nothing about the machine that serves.
    """
    from coherent_cxr.serving.study.study import Refusal  # the command drift needs none of it, and no PyTorch
    from coherent_cxr.serving.study.writer import StudyWriter
    from coherent_cxr.serving.study_report import ModelIdentity

    known = [study for study in study_ids if store.rows_of_study(study)]
    chosen = np.sort(np.random.default_rng(0).permutation(len(known))[:MOST_STUDIES])
    writer = StudyWriter(bundle, ModelIdentity("validation", None, ""))
    outcomes = writer.write_many(_study(store, known[place]) for place in chosen)
    rows = [measured(outcome) for outcome in outcomes if not isinstance(outcome, Refusal)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def reference_text(measures: pd.DataFrame, digest: str) -> str:
    """Return the rows as CSV.

    Args:
        measures: From :func:`validation_measures`.
        digest: Of the model's bundle, so that a log by another model is noticed.
    """
    return str(measures.assign(**{MODEL: model_number(digest)}).to_csv(index=False))


def read_reference(path: Path) -> pd.DataFrame:
    """Read what :func:`reference_text` has written, or the log of validation studies.

    Args:
        path: A CSV file, by its name; else a drift log.

    Raises:
        DriftLogError: If there is no such file, or it is none of this kind.
    """
    if path.suffix.lower() != ".csv":
        return DriftLog(path).reports()
    try:
        types = {MODEL: "int64", **dict.fromkeys(COLUMNS, "float64")}
        return pd.read_csv(path, usecols=list(types), dtype=types)
    except (OSError, ValueError, pd.errors.ParserError) as error:  # what pandas says of foreign files
        raise DriftLogError(
            f"'{path}' cannot be read as the validation numbers of a registered model; name another file."
        ) from error


def _study(store: ImageStore, study_id: str) -> Study:
    from coherent_cxr.images.reading.grey import Radiograph
    from coherent_cxr.serving.study.study import GivenImage, Study

    rows = store.rows_of_study(study_id)
    views = store.index.set_index("row").loc[rows, "view"]
    images = [
        GivenImage(
            Radiograph(np.array(store.pixels[row]), store.size, store.size),
            "image",
            view if view in ("frontal", "lateral") else None,
        )
        for row, view in zip(rows, views, strict=True)
    ]
    return Study(tuple(images), study_id)
