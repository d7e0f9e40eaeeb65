"""A corpus of two dozen studies, written by hand: what training stages read, without the stages before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.images.store import FORMAT, ImageStore, content_digest
from coherent_cxr.models.image_encoder.backbone import LabelClassifier
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.models.image_encoder.weights import load_backbone
from coherent_cxr.reports.sections import SECTION_MARK
from coherent_cxr.reports.text import metric_text
from coherent_cxr.reports.vocabulary import Vocabulary, count_words
from coherent_cxr.rewards import CiderD

SIDE = 64
ENCODER = "small_cnn"
"""Its random weights tell dark images from bright ones, and are saved and trained in no time."""
LABELER = CheXpertLabeler("corrected")
SENTENCES = {
    "No Finding": [["the", "lungs", "are", "clear"], ["heart", "size", "is", "normal"]],
    "Cardiomegaly": [["the", "heart", "is", "enlarged"], ["the", "lungs", "are", "clear"]],
    "Pleural Effusion": [
        ["heart", "size", "is", "normal"],
        ["there", "is", "a", "small", "effusion"],
        ["no", "edema"],
    ],
}


class Corpus(NamedTuple):
    store: ImageStore
    encoder: PretrainedEncoder
    vocabulary: Vocabulary
    encoded_reports: pd.DataFrame
    findings: pd.DataFrame
    labels: pd.DataFrame
    document_frequencies: CiderD
    splits: pd.DataFrame


def make_corpus(folder: Path, studies: int = 24, impressions: bool = False) -> Corpus:
    """Every study has a frontal image, every second one a lateral one, too; brightness tells its finding.

    With impressions the last sentence of each report is one.
    """
    kinds = list(SENTENCES)
    ids = [f"s{i:02d}" for i in range(studies)]
    kind = [kinds[i % 3] for i in range(studies)]
    thirds = {3: "validation", 7: "test"}  # each split has every finding
    split = [thirds.get(i // 3, "train") for i in range(studies)]
    tokens = [[*SENTENCES[k][:-1], [], SENTENCES[k][-1]] if impressions else SENTENCES[k] for k in kind]
    vocabulary = Vocabulary.from_counts(count_words(tokens), 1, [SECTION_MARK] if impressions else [])
    findings = pd.DataFrame({"study_id": ids, "tokens": tokens})
    encoded = pd.DataFrame(
        {"study_id": ids, "split": split, "sentences": [[vocabulary.encode(s) for s in t] for t in tokens]}
    )
    labels = pd.DataFrame({"study_id": ids})
    for observation in OBSERVATIONS:
        labels[observation] = pd.array([1 if k == observation else None for k in kind], dtype="Int8")
    torch.manual_seed(0)
    return Corpus(
        store=make_store(folder, ids, [kinds.index(k) for k in kind]),
        encoder=PretrainedEncoder(
            ENCODER, [LabelClassifier(len(OBSERVATIONS), load_backbone(ENCODER, "none")).state_dict()]
        ),
        vocabulary=vocabulary,
        encoded_reports=encoded,
        findings=findings,
        labels=labels,
        document_frequencies=CiderD.from_corpus([metric_text(t) for t in tokens]),
        splits=pd.DataFrame({"study_id": ids, "patient_id": ids, "split": split}),
    )


def make_store(folder: Path, ids: list[str], levels: list[int]) -> ImageStore:
    rng = np.random.default_rng(0)
    rows = []
    for i, study in enumerate(ids):
        rows += [(study, "lateral", levels[i])] if i % 2 else []  # stored before the frontal image
        rows.append((study, "frontal", levels[i]))
    pixels = np.stack([rng.integers(0, 80, (SIDE, SIDE)) + 80 * level for _, _, level in rows]).astype(
        np.uint8
    )
    index = pd.DataFrame(
        {
            "row": range(len(rows)),
            "image_id": [f"{study}-{view}" for study, view, _ in rows],
            "study_id": [study for study, _, _ in rows],
            "view": [view for _, view, _ in rows],
            "height": SIDE,
            "width": SIDE,
        }
    )
    folder.mkdir()
    np.save(folder / "pixels.npy", pixels)
    index.to_parquet(folder / "index.parquet")
    digest = content_digest(folder / "pixels.npy", index)
    record = {"format": FORMAT, "count": len(rows), "size": SIDE, "digest": digest}
    (folder / "store.json").write_text(json.dumps(record))
    return ImageStore.open(folder)
