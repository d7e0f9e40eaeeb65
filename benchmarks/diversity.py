"""What keeps a generator from repeating itself: feedback, coverage, unlikelihood, alone and together.

Generators are trained alike on what a finished run has kept (encoder, images, reports) and compared on its
validation split, with and without the removal of repeated sentences, which is a step after decoding::

    python benchmarks/diversity.py --project FOLDER [--folder data/diversity] [--epochs 8] [--seeds 0]
        [--variants feedback "feedback, unlikelihood"]

FOLDER is the project in which ``make run`` was run; nothing is written there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from base_settings import CONF, base_settings
from kedro.io import DataCatalog

from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import headline_metrics
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.scoring import metrics_table, score_systems
from coherent_cxr.evaluation.systems import (
    judge_labels,
    label_reports,
    outputs_of,
    references_of,
    studies_of_split,
    without_repeated_sentences,
)
from coherent_cxr.evaluation.tables import KEYS
from coherent_cxr.inference.generation import GenerationConfig, generate_reports
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.train import train_mle

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "none": {"generator": {"sentence_feedback": False}},
    "coverage": {"generator": {"sentence_feedback": False}, "coverage_weight": 1.0},
    "unlikelihood": {"generator": {"sentence_feedback": False}, "unlikelihood_weight": 1.0},
    "feedback": {},
    "feedback, coverage": {"coverage_weight": 1.0},
    "feedback, unlikelihood": {"unlikelihood_weight": 1.0},
}
NEEDED = (
    "image_store",
    "pretrained_encoder",
    "vocabulary",
    "encoded_reports",
    "findings",
    "chexpert_labels",
    "cider_document_frequencies",
    "splits",
)
SHOWN = ("reports changed by removal", "repeat rate", "distinct-1", "distinct-2", "unique reports")


def load(project: Path) -> dict[str, Any]:
    """Return what the finished run has kept."""
    entries: dict[str, Any] = {}
    for file in (CONF / "base").glob("*/catalog.yml"):
        text = file.read_text().replace("${globals:data}", str(project.resolve() / "data"))
        entries |= {name: entry for name, entry in yaml.safe_load(text).items() if name in NEEDED}
    catalog = DataCatalog.from_config(entries)
    return {name: catalog.load(name) for name in NEEDED}


def compare(
    kept: Mapping[str, Any], folder: Path, epochs: int, seed: int, variants: Sequence[str]
) -> pd.DataFrame:
    """Train variants and score its validation reports; returns variant, removal and metrics."""
    labeler, frequencies = shown_labeler(), CiderD.from_dict(kept["cider_document_frequencies"])
    stored = kept["image_store"].index["study_id"]
    studies = studies_of_split(kept["findings"], kept["splits"], stored, "validation")
    generation = base_settings(GenerationConfig, checkpoint_folder=str(folder))
    reports = []
    for name in variants:
        changes = VARIANTS[name]
        start = time.process_time()
        trained = train_mle(
            base_settings(
                MleTrainingConfig, epochs=epochs, seed=seed, checkpoint_folder=str(folder), **changes
            ),
            kept["image_store"],
            PretrainedEncoder.from_tensors(kept["pretrained_encoder"]),
            Vocabulary.from_dict(kept["vocabulary"]),
            kept["encoded_reports"],
            kept["findings"],
            kept["chexpert_labels"],
            frequencies,
            labeler,
        )
        own = generate_reports(trained.bundle, kept["image_store"], studies, generation, None, labeler)
        as_decoded = own.assign(system=name, unprocessed=own["tokens"])
        reports += [as_decoded, without_repeated_sentences(own).assign(system=f"{name}; removal")]
        print(f"{name}: {time.process_time() - start:.0f} s of processor time", flush=True)
    generated = pd.concat(reports, ignore_index=True)
    texts = kept["findings"][kept["findings"]["study_id"].isin(studies)]
    labels = judge_labels([labeler], texts["text"], {"study_id": texts["study_id"]})
    references = references_of(studies, kept["findings"], labels, kept["splits"])
    outputs = outputs_of(generated, label_reports([labeler], generated), references)
    long = metrics_table(score_systems(base_settings(EvaluationConfig, meteor=False), outputs, references))
    columns = {Metric(name): name for name in SHOWN}
    named = headline_metrics("as_negative", [labeler.name])
    columns |= {named[name]: name for name in ("BLEU-4", "CIDEr-D", f"macro-F1-10 {labeler.name}")}
    long["name"] = [columns.get(Metric(*key), "") for key in long[KEYS].itertuples(index=False)]
    chosen = long[long["name"] != ""]
    return chosen.pivot(index="system", columns="name", values="value")[list(columns.values())]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--project", type=Path, required=True)
    options.add_argument("--folder", type=Path, default=Path("data/diversity"))
    options.add_argument("--epochs", type=int, default=8)
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    given = options.parse_args()
    kept = load(given.project)
    tables = []
    for seed in given.seeds:
        tables.append(compare(kept, given.folder.resolve(), given.epochs, seed, given.variants))
        print(f"Seed {seed}\n{tables[-1].round(3).to_string()}", flush=True)
    every = pd.concat(tables).groupby(level=0, sort=False)
    spread = every.max() - every.min()
    print(f"Mean over {len(tables)} seeds\n{every.mean().round(3).to_string()}")
    print(f"Largest minus smallest\n{spread.round(3).to_string()}")
    print(f"{time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    main()
