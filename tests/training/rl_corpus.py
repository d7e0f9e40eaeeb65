"""A corpus small enough to fine-tune on in seconds: drawn images, short reports, tiny models."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from PIL import Image

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.images.building import build_store
from coherent_cxr.images.source import open_source
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.text import detokenize, metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD

SICK = [["there", "is", "a", "pleural", "effusion"], ["the", "heart", "is", "enlarged"]]
WELL = [["no", "pleural", "effusion"], ["the", "heart", "is", "normal"]]


class Corpus(NamedTuple):
    """What fine-tuning needs, in the order of its arguments."""

    bundle: ModelBundle
    store: ImageStore
    encoded_reports: pd.DataFrame
    findings: pd.DataFrame
    labels: pd.DataFrame
    document_frequencies: CiderD


def make_corpus(folder: Path, studies: int = 12) -> Corpus:
    """Draw images (bright means sick), write their reports and make an untrained generator."""
    ids = [f"S{n:02d}" for n in range(studies)]
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    dice = np.random.default_rng(0)
    for number in range(studies):
        levels = dice.integers(0, 60, (64, 64)) + (180 if number % 2 else 0)
        Image.fromarray(levels.astype(np.uint8)).save(pictures / f"I{number:02d}.png")
    images = pd.DataFrame(
        {"image_id": [f"I{n:02d}" for n in range(studies)], "study_id": ids, "view": "frontal"}
    )
    store = build_store(images, open_source(pictures), 64, folder / "store")[0]
    tokens = [SICK if number % 2 else WELL for number in range(studies)]
    vocabulary = Vocabulary.from_reports(tokens, 1)
    encoded = [[vocabulary.encode(sentence) for sentence in report] for report in tokens]
    split = ["validation" if number >= studies - 4 else "train" for number in range(studies)]
    labels = CheXpertLabeler().label_many([detokenize(report) for report in tokens])
    return Corpus(
        tiny_generator(vocabulary),
        store,
        pd.DataFrame({"study_id": ids, "split": split, "sentences": encoded}),
        pd.DataFrame({"study_id": ids, "tokens": tokens}),
        labels.assign(study_id=ids),
        CiderD.from_corpus([metric_text(report) for report in tokens]),
    )


def tiny_generator(vocabulary: Vocabulary) -> ModelBundle:
    """Return a generator with random weights that can write the corpus' reports."""
    config = GeneratorConfig(size=16, attention_size=8, dropout=0.2, max_sentences=3, max_words=7)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = ReportGenerator(config, len(vocabulary)).state_dict()
    return ModelBundle(config, vocabulary, 64, weights, {"system": "mle"})
