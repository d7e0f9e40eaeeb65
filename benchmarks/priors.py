"""What the study before is worth: temporal F1 with and without it, on the fabricated MIMIC-CXR.

Three generators are trained alike: without ``study_input: with_prior``, with it, and with ``prior_report``
besides. Those that read priors are also given none, and that of a wrong patient. Everything is
fabricated, so no corpus is needed; what a stage has made stays in the folder, and a second run goes on from
there::

    python benchmarks/priors.py [--folder data/priors] [--patients 400] [--epochs 16] [--splits test]
        [--seeds 0 1 2]

A seed makes a corpus of its own, an encoder and the generators. Settings are chosen with
``--splits validation``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from base_settings import base_settings
from numpy.typing import NDArray

from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table, sentence_table
from coherent_cxr.corpora.mimic_cxr.fabrication import MimicFabricationConfig, fabricate_mimic_cxr
from coherent_cxr.corpora.mimic_cxr.files import MimicCxrConfig
from coherent_cxr.corpora.mimic_cxr.loader import parse_mimic_cxr
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import headline_metrics
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.metrics.temporal import TEMPORAL
from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table, score_systems
from coherent_cxr.evaluation.systems import (
    judge_labels,
    label_reports,
    outputs_of,
    references_of,
    studies_of_split,
    without_repeated_sentences,
)
from coherent_cxr.evaluation.tables import KEYS
from coherent_cxr.images.phantom import NOTICE, draw_phantom
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.generation import GenerationConfig, generate_reports
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.encoding import (
    CountedCorpus,
    VocabularyBuildingConfig,
    count_corpus,
    encode_reports,
    split_studies,
)
from coherent_cxr.reports.findings import FindingsExtractionConfig, extract_findings
from coherent_cxr.reports.priors import Priors, PriorStudy, priors_of
from coherent_cxr.reports.text import metric_text
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.train import pretrain_encoder
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.train import train_mle

SIZE = 128
WITHOUT, RIGHT, NONE, WRONG = "without", "right prior", "no prior", "wrong patient's prior"
READING: Mapping[str, Mapping[str, object]] = {
    "": {"study_input": "with_prior"},
    " and report": {"study_input": "with_prior", "prior_report": True},
}
"""Generators that read priors, by what their rows' names end in."""
SHOWN = ("BLEU-4", "ROUGE-L", "CIDEr-D", "macro-F1-10 corrected", "micro-14-F1 corrected")


class Prepared(NamedTuple):
    """What a generator is trained from."""

    store: ImageStore
    findings: pd.DataFrame
    labels: pd.DataFrame
    splits: pd.DataFrame
    counted: CountedCorpus
    encoded: pd.DataFrame
    encoder: PretrainedEncoder


class Scored(NamedTuple):
    """Reports of a seed's generators and their numbers, each with an interval."""

    generated: pd.DataFrame
    values: pd.DataFrame
    pairs: pd.DataFrame


def prepare(folder: Path, patients: int, seed: int) -> Prepared:
    """Fabricate the corpus and run the stages up to the encoder."""
    corpus = folder / f"mimic_cxr_{patients}_{seed}"
    if not corpus.is_dir():
        config = base_settings(MimicFabricationConfig, folder=str(corpus), patients=patients, seed=seed)
        fabricate_mimic_cxr(config, partial(draw, seed))
    studies, images, *_ = parse_mimic_cxr(MimicCxrConfig(root=str(corpus)))
    findings, _ = extract_findings(base_settings(FindingsExtractionConfig), studies)
    labeler = base_settings(ChexpertLabellingConfig).labeler()
    labels, sentences = label_table(labeler, findings), sentence_table(labeler, findings)
    split_file = str(corpus / "mimic-cxr-2.0.0-split.csv.gz")
    building = base_settings(VocabularyBuildingConfig, split_file=split_file)
    splits = split_studies(building, findings, studies).splits
    counted = count_corpus(building, splits, [findings], [sentences])
    encoded = encode_reports(building, counted, splits, findings, sentences)
    preparation = base_settings(
        ImagePreparationConfig, size=SIZE, drop_variants=True, workers=1, work_dir=str(folder / "stores")
    )
    manifest = RadiographsManifest(str(corpus / "files"), False, NOTICE)
    store = prepare_images(preparation, images, findings["study_id"], manifest).store
    checkpoints = str(folder / "checkpoints")
    pretraining = base_settings(EncoderPretrainingConfig, checkpoint_folder=checkpoints, seed=seed)
    encoder, history = pretrain_encoder(pretraining, store, labels, splits)
    print(history[history["split"] == "validation"].groupby("metric")["value"].last().round(3).to_dict())
    return Prepared(store, findings, labels, splits, counted, encoded, encoder)


def draw(seed: int, person: str, labels: Mapping[str, int | None], shown: Sequence[str]) -> NDArray[np.uint8]:
    """Draw a phantom; laterals, which nothing reads here, are left grey."""
    if person.endswith("LATERAL"):
        return np.tile(np.arange(SIZE, dtype=np.uint8), (SIZE, 1))
    return draw_phantom(person, labels, shown, size=SIZE, seed=seed)


def train(
    prepared: Prepared, folder: Path, generator: Mapping[str, object], epochs: int, seed: int
) -> ModelBundle:
    """Train a generator on the frozen encoder's features; prints its validation numbers by epoch."""
    config = base_settings(
        MleTrainingConfig,
        generator=generator,
        epochs=epochs,
        seed=seed,
        checkpoint_folder=str(folder / "checkpoints"),
    )
    training = set(prepared.splits.loc[prepared.splits["split"] == "train", "study_id"])
    tokens = prepared.findings.loc[prepared.findings["study_id"].isin(training), "tokens"]
    trained = train_mle(
        config,
        prepared.store,
        prepared.encoder,
        prepared.counted.vocabulary,
        prepared.encoded,
        prepared.findings,
        prepared.labels,
        CiderD.from_corpus([metric_text(report) for report in tokens]),
        shown_labeler(),
    )
    history = trained.history[trained.history["split"] == "validation"]
    print(dict(generator))
    print(history.pivot(index="epoch", columns="metric", values="value").round(3).to_string())
    return trained.bundle


def of_wrong_patients(priors: Priors, patient_of: Mapping[str, str], studies: Sequence[str]) -> Priors:
    """Give each study the prior of another patient's study, its own interval kept."""
    known = [study for study in studies if study in priors]
    moved = dict[str, PriorStudy]()
    for place, study in enumerate(known):
        others = (known[(place + step) % len(known)] for step in range(len(known) // 2, len(known)))
        other = next(one for one in others if patient_of[one] != patient_of[study])
        moved[study] = priors[other]._replace(days=priors[study].days)
    return moved


def table(prepared: Prepared, folder: Path, bundles: Mapping[str, ModelBundle], split: str) -> Scored:
    """Generate and score the reports of the studies that have a prior."""
    priors = priors_of(prepared.splits, prepared.findings)
    patients = dict(zip(prepared.splits["study_id"], prepared.splits["patient_id"], strict=True))
    stored = set(prepared.store.index["study_id"])
    studies = [
        study
        for study in studies_of_split(prepared.findings, prepared.splits, stored, split)
        if study in priors and priors[study].study_id in stored
    ]
    rows: list[tuple[str, str, Priors]] = [(WITHOUT, WITHOUT, {})]
    wrong = of_wrong_patients(priors, patients, studies)
    for kind in READING:
        rows += [(RIGHT + kind, kind, priors), (NONE + kind, kind, {}), (WRONG + kind, kind, wrong)]
    generation = base_settings(GenerationConfig, checkpoint_folder=str(folder / "checkpoints"))
    judge = shown_labeler()
    reports = [
        generate_reports(
            bundles[model], prepared.store, studies, generation, None, judge, priors=given
        ).assign(system=name)
        for name, model, given in rows
    ]
    generated = without_repeated_sentences(pd.concat(reports, ignore_index=True))
    texts = prepared.findings[prepared.findings["study_id"].isin(studies)]
    labels = judge_labels([judge], texts["text"], {"study_id": texts["study_id"]})
    references = references_of(studies, prepared.findings, labels, prepared.splits)
    outputs = outputs_of(generated, label_reports([judge], generated), references)
    scores = score_systems(base_settings(EvaluationConfig, meteor=False), outputs, references)
    print(f"{len(studies)} studies with a prior, of {len(set(map(patients.get, studies)))} patients")
    named = headline_metrics("as_negative", ["corrected"])
    columns = {TEMPORAL: Metric(TEMPORAL)} | {name: named[name] for name in SHOWN}
    columns |= {str(m): m for m in scores.metrics if m.name.startswith(f"{TEMPORAL}, ")}
    values = metrics_table(scores)
    print(_wide(values, columns, "value"))
    pairs = _of_right(comparisons_table(scores))
    print(_wide(pairs, columns, "difference"))
    return Scored(generated, _named(values, columns), _named(pairs, columns))


def _of_right(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return differences of the right prior to none, a wrong one, no generator of priors, and no report."""
    wanted = [(RIGHT + kind, other) for kind in READING for other in (WITHOUT, NONE + kind, WRONG + kind)]
    wanted += [(RIGHT + kind, RIGHT) for kind in READING if kind]
    turned = pairs.rename(columns={"system": "other", "other": "system"})
    turned[["difference", "low", "high"]] = -turned[["difference", "high", "low"]].to_numpy()
    both = pd.concat([pairs, turned], ignore_index=True)
    chosen = both[[pair in wanted for pair in zip(both["system"], both["other"], strict=True)]]
    return chosen.assign(system=chosen["system"] + " - " + chosen["other"])


def _wide(long: pd.DataFrame, columns: Mapping[str, Metric], value: str) -> str:
    chosen = _named(long, columns)
    chosen["cell"] = [
        f"{v:.3f} ({a:.3f} to {b:.3f})"
        for v, a, b in zip(chosen[value], chosen["low"], chosen["high"], strict=True)
    ]
    wide = chosen.pivot(index="name", columns="system", values="cell")
    return str(wide.reindex(list(columns)).to_string())


def _named(long: pd.DataFrame, columns: Mapping[str, Metric]) -> pd.DataFrame:
    """Return the rows of some metrics, with the names they are shown by."""
    names = {metric: name for name, metric in columns.items()}
    keys = [names.get(Metric(*key), "") for key in long[KEYS].itertuples(index=False)]
    return long.assign(name=pd.Series(keys, index=long.index)).query("name != ''")


def over_seeds(tables: Sequence[pd.DataFrame], value: str) -> str:
    """Return the mean of each number over the seeds, and its lowest and highest."""
    every = pd.concat(tables).groupby(["name", "system"], sort=False)[value].agg(["mean", "min", "max"])
    cells = [f"{mean:.3f} ({low:.3f} to {high:.3f})" for mean, low, high in every.itertuples(index=False)]
    return str(pd.Series(cells, index=every.index).unstack(sort=False).to_string())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", type=Path, default=Path("data/priors"))
    options.add_argument("--patients", type=int, default=400)
    options.add_argument("--epochs", type=int, default=16)
    options.add_argument("--splits", choices=("validation", "test"), nargs="+", default=["test"])
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    given = options.parse_args()
    folder = given.folder
    scored: dict[str, list[Scored]] = {split: [] for split in given.splits}
    for seed in given.seeds:
        print(f"Seed {seed}")
        prepared = prepare(folder, given.patients, seed)
        bundles = {
            name: train(prepared, folder, generator, given.epochs, seed)
            for name, generator in {WITHOUT: {"study_input": "per_image"}, **READING}.items()
        }
        for split, of_split in scored.items():
            print(f"{split}: ", end="")
            of_split.append(table(prepared, folder, bundles, split))
            reports = folder / f"reports_{split}_{seed}.json"
            of_split[-1].generated.to_json(reports, orient="records", indent=1)
        print(f"{time.process_time():.0f} s of processor time", flush=True)
    for split, of_split in scored.items():
        print(f"{split}: mean over the seeds {given.seeds} (lowest to highest)")
        print(over_seeds([one.values for one in of_split], "value"))
        print(over_seeds([one.pairs for one in of_split], "difference"))


if __name__ == "__main__":
    main()
