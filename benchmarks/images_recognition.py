"""How well views and repeats of other contrast are recognised on real Open-I radiographs.

Run: python benchmarks/images_recognition.py IMAGES.tar VIEWS.csv
IMAGES is a folder or tar of images named by NLM image id, VIEWS a CSV with image_id, study_id and view, which
is taken for true.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.corpora.openi.loader import parse_openi
from coherent_cxr.images.building import build_store
from coherent_cxr.images.recognition.similarity import SAME, likeness, thumbnail
from coherent_cxr.images.recognition.views import complete_views
from coherent_cxr.images.source import ImageSource, open_source

Levels = NDArray[np.float64]
CHANGES: dict[str, Callable[[Levels], Levels]] = {
    "gamma 0.6": lambda x: x**0.6,
    "gamma 1.6": lambda x: x**1.6,
    "contrast 0.6, brighter by 0.3": lambda x: np.clip(0.6 * x + 0.3, 0, 1),
    "window 0.15 to 0.75": lambda x: np.clip((x - 0.15) / 0.6, 0, 1),
    "window 0.30 to 0.80": lambda x: np.clip((x - 0.3) / 0.5, 0, 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-8 * (x - 0.5))),
}


def views(source: ImageSource, truth: pd.Series) -> None:
    images = parse_openi(None, None, None).images
    images = images[images["image_id"].isin(truth.index)].reset_index(drop=True)
    right = images["image_id"].map(truth)
    completed, report, _ = complete_views(images, source)
    guessed = images["view_source"] == "rule"
    told = completed["view_source"] == "classifier"
    print(f"{len(images):,} images; DICOM headers state {(~guessed).sum():,} views")
    for name, table, rows in (
        ("DICOM headers", images, ~guessed),
        ("rule, where headers are silent", images, guessed),
        ("classifier, where it is sure", completed, told),
        ("all, with the rule", images, guessed | ~guessed),
        ("all, with the classifier", completed, guessed | ~guessed),
    ):
        share = (table["view"] == right)[rows].mean()
        print(f"  {name:32} {rows.sum():6,} images, right on {100 * share:5.1f} %")
    print(f"  its own cross-validated accuracy: {100 * report['accuracy']:.1f} %")


def repeats(source: ImageSource, table: pd.DataFrame, sample: int = 600) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, _ = build_store(table[table["image_id"].isin(set(source.files))], source, 64, Path(folder))
        small = [thumbnail(image) for image in store.pixels]
        rows = np.random.default_rng(0).choice(len(small), sample, replace=False)
        print(f"{sample} images, each changed; found again:")
        for name, change in CHANGES.items():
            changed = ((255 * change(store.pixels[row] / 255.0)).astype(np.uint8) for row in rows)
            found = [
                likeness(small[row], thumbnail(new)) >= SAME for row, new in zip(rows, changed, strict=True)
            ]
            print(f"  {name:32} {100 * np.mean(found):5.1f} %")
        groups = store.index.groupby(["study_id", "view"])["row"].apply(list)
        pairs = [pair for group in groups for pair in combinations(group, 2)]
        same = sum(likeness(small[a], small[b]) >= SAME for a, b in pairs)
        print(f"pairs of one study and view: {len(pairs)}, taken for repeats: {same}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("images")
    parser.add_argument("views")
    arguments = parser.parse_args()
    source = open_source(arguments.images)
    table = pd.read_csv(arguments.views, dtype=str)
    views(source, table.set_index("image_id")["view"])
    repeats(source, table)


if __name__ == "__main__":
    main()
