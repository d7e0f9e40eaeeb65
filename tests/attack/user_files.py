"""Damaged files that users write: splits, views, rules of labeller and sections, labels of extra images."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import yaml
from child import Attempt
from damage import hurt, ill_said, sentence
from raw_reports import HEADERS, real_reports
from report_tables import KINDS, written

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.rules.checks import RuleFileError
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.corpora.openi.loader import CorpusError, parse_openi
from coherent_cxr.corpora.sections.sectioning import Sectioner, SectionRuleError
from coherent_cxr.images.preparation import ImagePreparationConfig
from coherent_cxr.images.source import ImageSourceError
from coherent_cxr.inputs.split_names import SPLITS
from coherent_cxr.reports.splits import SplitFileError, read_split_file
from coherent_cxr.training.encoder.extra_images import read_extra_images
from helpers.settings import filled
from training.encoder.test_extra_images import FINDINGS, nih, nih_table, picture

REPORT = "FINDINGS: No pleural effusion. Mild cardiomegaly.\n\nIMPRESSION: Cardiomegaly."
OWN_RULES = {
    "extends": ["corrected.yml"],
    "lexicon": {"Fracture": {"mentions": ["broken rib"], "without": ["fracture"]}},
    "words": {"OF_MINE": ["trace", "tiny"]},
    "rules": {"negative": [{"name": "mine", "patterns": ["without <OF_MINE> of X"]}]},
}


def prepare(folder: Path) -> Attempt:
    """Return what makes one try in a folder."""
    logging.disable(logging.CRITICAL)
    (folder / "reports").mkdir()
    for number, data in enumerate(real_reports()[:3]):
        (folder / "reports" / f"{number}.xml").write_bytes(data)
    (folder / "headers.csv").write_bytes(HEADERS)
    for seed, name in enumerate(FINDINGS):
        picture(folder / "nih" / f"{name}.png", seed)
    kinds: list[Callable[[Path, np.random.Generator, bool], str]] = [splits, views, rules, sections, labels]

    def attempt(rng: np.random.Generator, number: int) -> str:
        shutil.rmtree(folder / "try", ignore_errors=True)
        (folder / "try").mkdir()
        return kinds[number % len(kinds)](folder / "try", rng, rng.random() < 0.05)

    return attempt


def file_of(path: Path, data: bytes, rng: np.random.Generator, whole: bool) -> Path:
    """Write a file, damaged unless it is to be whole."""
    path.write_bytes(data if whole else hurt(data, b"other: [other]\n", rng))
    return path


def splits(place: Path, rng: np.random.Generator, whole: bool) -> str:
    """Read a split file: a table, or one of the two shapes of annotation.json."""
    names = ("train", "val", "test", "validate", "Training")
    rows = [{"study_id": f"CXR{n}", "split": names[rng.integers(0, len(names))]} for n in range(9)]
    kind = [*KINDS, "annotation.json"][rng.integers(0, len(KINDS) + 1)]
    data = written(rows, kind) if kind in KINDS else b""
    if kind == "annotation.json":
        parts = {name: [{"id": r["study_id"]} for r in rows if r["split"] == name] for name in names}
        listed = [{"id": r["study_id"], "split": r["split"]} for r in rows]
        data = json.dumps(parts if rng.random() < 0.5 else listed).encode()
    try:
        split = read_split_file(file_of(place / f"split.{kind}", data, rng, whole))
    except SplitFileError as error:
        return f"a good split was refused: {error}" if whole else ill_said(error)
    if whole and set(split) != {row["study_id"] for row in rows}:
        return f"not the studies of the file: {split}"
    return "" if set(split.values()) <= set(SPLITS) else f"splits {set(split.values())}"


def views(place: Path, rng: np.random.Generator, whole: bool) -> str:
    """Parse reports with a table of views."""
    images = [f"CXR{n}_1_IM-0001-3001" for n in range(1, 6)]
    rows = [{"image_id": name, "view": ("frontal", "lateral", None)[rng.integers(0, 3)]} for name in images]
    kind = KINDS[rng.integers(0, len(KINDS))]
    path = file_of(place / f"views.{kind}", written(rows, kind), rng, whole)
    reports, headers = place.parent / "reports", place.parent / "headers.csv"
    try:
        parsed = parse_openi(str(reports), str(headers), str(path))
    except CorpusError as error:
        return f"good views were refused: {error}" if whole else ill_said(error)
    return (
        "" if set(parsed.images["view"]) <= {"frontal", "lateral"} else f"views {set(parsed.images['view'])}"
    )


def rules(place: Path, rng: np.random.Generator, whole: bool) -> str:
    """Label by a rule file that extends the shipped ones, or by a copy of one of them."""
    shipped = files("coherent_cxr.chexpert.rules") / "rule_sets"
    name = ("own", "corrected.yml", "words.yml", "lexicon.yml")[rng.integers(0, 4)]
    data = yaml.safe_dump(OWN_RULES).encode() if name == "own" else (shipped / name).read_bytes()
    path = file_of(place / "mine.yml", data, rng, whole)
    try:
        labeler = CheXpertLabeler(path)
    except RuleFileError as error:
        refused = whole and name in ("own", "corrected.yml")
        return f"good rules were refused: {error}" if refused else ill_said(error)
    told = labeler.label(f"No pleural effusion. {sentence(rng)}")
    return "" if set(told) == set(labeler.observations) else f"labels {set(told)}"


def sections(place: Path, rng: np.random.Generator, whole: bool) -> str:
    """Split a report by a damaged copy of the shipped section rules."""
    data = (files("coherent_cxr.corpora.sections") / "section_rules" / "mimic_cxr.yml").read_bytes()
    try:
        parts = Sectioner(file_of(place / "mine.yml", data, rng, whole)).split(REPORT)
    except SectionRuleError as error:
        return f"good rules were refused: {error}" if whole else ill_said(error)
    return "" if all(isinstance(part, str) for pair in parts.items() for part in pair) else f"parts {parts}"


def labels(place: Path, rng: np.random.Generator, whole: bool) -> str:
    """Read the table of a further set of images: its images are used or excluded."""
    nih_table(place / "good.csv", FINDINGS)
    table = file_of(place / "table.csv", (place / "good.csv").read_bytes(), rng, whole)
    preparation = filled(ImagePreparationConfig, size=32, workers=1, work_dir=str(place / "stores"))
    try:
        extra = read_extra_images(nih(place.parent / "nih", str(table)), preparation)
    except (ConfigurationError, ImageSourceError) as error:
        return f"a good table was refused: {error}" if whole else ill_said(error)
    used = sum(len(source.rows) for source in extra.sources)
    told = used + len(extra.exclusions)
    return "" if told == len(FINDINGS) else f"{len(FINDINGS)} images, {used} used, {told - used} excluded"
