"""Whether a stored table of labels equals what the labeller in use gives."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler

COMPARED: Final = 500
"""Studies compared at most, evenly spaced; the shipped rule sets differ in 24 of 100 reports of Open-I."""


class LabelTableError(ValueError):
    """Labels that another rule set made; the message names the first difference and the remedy."""


def check_labels(labeler: CheXpertLabeler, findings: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Refuse labels of references that this labeller did not make.

    A model's texts are labelled again and compared with stored labels of the references. Were these made by
    another rule set, every reward and every score would compare two labellers.

    Args:
        labeler: Labels what the model writes.
        findings: study_id and text, of the references.
        labels: study_id and the observations, stored by an earlier stage.

    Raises:
        LabelTableError: If labels of the studies compared differ.
    """
    both = findings[findings["study_id"].isin(labels["study_id"])]
    places = np.unique(np.linspace(0, len(both) - 1, min(COMPARED, len(both))).round().astype(int))
    some = both.iloc[places]
    stored = labels.set_index("study_id").loc[some["study_id"], list(labeler.observations)]
    now = labeler.label_many(some["text"].tolist()).set_axis(stored.index)
    differ = stored.astype("Int8").fillna(2).ne(now.astype("Int8").fillna(2))
    wrong = differ.any(axis=1)
    if not wrong.any():
        return
    row, column = (int(place) for place in np.argwhere(differ.to_numpy())[0])
    study, observation = stored.index[row], stored.columns[column]
    was, is_now = (_in_words(table.iat[row, column]) for table in (stored, now))
    raise LabelTableError(
        f"The table chexpert_labels was not made by rule set '{labeler.name}' as it is now: of {len(some)} "
        f"studies compared, the labels of {int(wrong.sum())} differ, first {observation} of '{study}' "
        f"({was} in the table, {is_now} by the rules). Run the pipelines chexpert_labelling and "
        "vocabulary_building again with the present setting chexpert_labelling.rules, and what follows them."
    )


def _in_words(label: object) -> str:
    return "blank" if label is pd.NA else str(label)
