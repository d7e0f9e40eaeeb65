"""What an encoder is taught: images with labels, some of which are not known."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.images.store import ImageStore
from coherent_cxr.runtime.fingerprint import fingerprint
from coherent_cxr.training.encoder.config import UncertainTargets

NOT_CODED = "No Indexing"
"""Open-I's entry for studies that nobody coded; it says nothing about any term."""

OF_UNCERTAIN: Mapping[UncertainTargets, float] = {"ignored": 0.0, "soft": 0.5, "positive": 1.0}


class LabelledImages(NamedTuple):
    """Images with labels.

    Attributes:
        store: Where their pixels are.
        rows: Their rows of the store ``(images,)``.
        study_ids: Study of each image.
        targets: What each label should be, 0 to 1 ``(images, labels)``.
        known: Which targets teach anything ``(images, labels)``.
    """

    store: ImageStore
    rows: NDArray[np.int64]
    study_ids: list[str]
    targets: NDArray[np.float32]
    known: NDArray[np.bool_]

    @property
    def digest(self) -> str:
        """Digest of images, rows and labels, for a run's key."""
        arrays = (self.rows, self.targets, self.known)
        return fingerprint(
            self.store.digest, *(part for array in arrays for part in (array.shape, array.tobytes()))
        )

    def of(self, study_ids: Collection[str]) -> LabelledImages:
        """Return the images of some studies."""
        chosen = set(study_ids)
        here = np.array([study in chosen for study in self.study_ids], dtype=bool)
        return LabelledImages(
            self.store,
            self.rows[here],
            [study for study in self.study_ids if study in chosen],
            self.targets[here],
            self.known[here],
        )

    def with_terms(self, terms_of: Mapping[str, Collection[str]], terms: Sequence[str]) -> LabelledImages:
        """Append one target per MeSH term; a study without any entry teaches none of them."""
        of_study = {
            study: np.array([term in terms_of[study] for term in terms], dtype=np.float32)
            for study in set(self.study_ids) & set(terms_of)
        }
        nothing = np.zeros(len(terms), dtype=np.float32)
        more = np.stack([of_study.get(study, nothing) for study in self.study_ids])
        indexed = np.array([study in of_study for study in self.study_ids])
        return self._replace(
            targets=np.hstack([self.targets, more]),
            known=np.hstack([self.known, np.repeat(indexed[:, None], len(terms), axis=1)]),
        )


def labelled_images(
    store: ImageStore,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    split: str,
    uncertain: UncertainTargets = "ignored",
) -> LabelledImages:
    """Pair the images of a split with their study's labels; an absent label is 0.

    Args:
        store: Prepared images.
        labels: ``study_id`` and the 14 observations (1, 0, -1, missing).
        splits: ``study_id``, ``split``.
        split: ``train``, ``validation`` or ``test``.
        uncertain: What -1 teaches.
    """
    studies = set(splits.loc[splits["split"] == split, "study_id"])
    images = store.index[store.index["study_id"].isin(studies)]
    values = (
        labels.set_index("study_id")[list(OBSERVATIONS)]
        .astype("Int64")
        .fillna(0)
        .reindex(images["study_id"], fill_value=0)
        .to_numpy(dtype=np.int64)
    )
    targets = np.where(values == -1, OF_UNCERTAIN[uncertain], values == 1).astype(np.float32)
    known = (values != -1) | (uncertain != "ignored")
    return LabelledImages(
        store, images["row"].to_numpy(np.int64), images["study_id"].astype(str).tolist(), targets, known
    )


def folds_of(splits: pd.DataFrame, folds: int) -> dict[str, int]:
    """Assign training patients to folds by a checksum of their ids, independent of the other patients.

    Args:
        splits: ``study_id``, ``patient_id``, ``split``.
        folds: How many.

    Returns:
        By training study, the fold of its patient, 0 to ``folds - 1``.
    """
    training = splits[splits["split"] == "train"]
    return {
        str(study): zlib.crc32(str(patient).encode()) % folds
        for study, patient in zip(training["study_id"], training["patient_id"], strict=True)
    }


def frequent_terms(mesh_terms: pd.DataFrame, training: Collection[str], least: int) -> list[str]:
    """Return the MeSH terms that enough training studies carry, the most frequent first.

    A heading with qualifiers counts as the heading and as the heading with each of them:
    "Opacity/lung/base/left" is "Opacity", "Opacity/lung", "Opacity/base" and "Opacity/left".

    Args:
        mesh_terms: ``study_id`` and ``term``.
        training: Studies of the training split.
        least: Fewest studies.
    """
    counts = Counter(
        term for study, terms in terms_by_study(mesh_terms).items() if study in training for term in terms
    )
    return [
        term for term, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= least
    ]


def terms_by_study(mesh_terms: pd.DataFrame) -> dict[str, set[str]]:
    """Return each study's MeSH headings, alone and with each qualifier."""
    terms: dict[str, set[str]] = {}
    for study, term in zip(mesh_terms["study_id"], mesh_terms["term"], strict=True):
        if term == NOT_CODED:
            continue
        heading, *qualifiers = str(term).split("/")
        terms.setdefault(str(study), set()).update(
            [heading, *(f"{heading}/{qualifier}" for qualifier in qualifiers)]
        )
    return terms
