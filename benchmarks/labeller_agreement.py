"""How the labeller agrees with the original tool and with human labels; prints Markdown tables.

Reads reference data that may not be shipped from the folder that ``COHERENT_CXR_SHARED`` names::

    python benchmarks/labeller_agreement.py [--disagreements 60]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, CheXpertLabeler

BLANK = 2
STATUSES = {"positive": POSITIVE, "negative": NEGATIVE, "uncertain": UNCERTAIN}
REFERENCES = ("findings", "impressions", "icu_style")
# NIH class names of the human (MeSH) labels that speak of the same as an observation
HUMAN: dict[str, tuple[str, ...]] = {
    "No Finding": ("normal",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Lung Lesion": ("Mass", "Nodule"),
    "Lung Opacity": ("Infiltration",),
    "Edema": ("Edema",),
    "Consolidation": ("Consolidation",),
    "Pneumonia": ("Pneumonia",),
    "Atelectasis": ("Atelectasis",),
    "Pneumothorax": ("Pneumothorax",),
    "Pleural Effusion": ("Effusion",),
    "Pleural Other": ("Pleural_Thickening", "Fibrosis"),
}


def codes(labels: pd.DataFrame) -> np.ndarray:
    """Labels as integers of shape (reports, 14), a blank as 2."""
    return labels[list(OBSERVATIONS)].astype("Int8").fillna(BLANK).to_numpy(dtype=int)


def scores(ours: np.ndarray, reference: np.ndarray, status: int) -> tuple[float, float, float]:
    """Precision, recall and F1 of one status over all given cells; nan without a cell."""
    hits = int(((ours == status) & (reference == status)).sum())
    found, wanted = int((ours == status).sum()), int((reference == status).sum())
    return (
        hits / found if found else float("nan"),
        hits / wanted if wanted else float("nan"),
        2 * hits / (found + wanted) if found + wanted else float("nan"),
    )


def overview(name: str, ours: np.ndarray, reference: np.ndarray) -> str:
    f1 = [f"{scores(ours, reference, status)[2]:.4f}" for status in STATUSES.values()]
    exact = (ours == reference).all(axis=1).mean()
    return f"| {name} | {len(ours)} | {exact:.4f} | " + " | ".join(f1) + " |"


def per_label(ours: np.ndarray, reference: np.ndarray) -> str:
    lines = [
        "| observation | kappa |" + "".join(f" {s} n | P | R | F1 |" for s in STATUSES),
        "|---" * 14 + "|",
    ]
    for column, name in enumerate(OBSERVATIONS):
        mine, theirs = ours[:, column], reference[:, column]
        cells = [f"{cohen_kappa_score(mine, theirs):.3f}"]
        for status in STATUSES.values():
            wanted = int((theirs == status).sum())
            cells += [
                str(wanted),
                *("–" if np.isnan(s) else f"{s:.3f}" for s in scores(mine, theirs, status)),
            ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def confusion(ours: np.ndarray, reference: np.ndarray) -> str:
    order = [*STATUSES.values(), BLANK]
    names = [*STATUSES, "blank"]
    matrix = confusion_matrix(reference.ravel(), ours.ravel(), labels=order)
    lines = ["| reference \\ ours | " + " | ".join(names) + " |", "|---" * 5 + "|"]
    lines += [
        f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in zip(names, matrix, strict=True)
    ]
    return "\n".join(lines)


def human_table(folder: Path) -> str:
    """F1 against the human labels, uncertain as negative and as positive, on studies with both references."""
    human = pd.read_csv(folder / "openi_human_labels.csv").set_index("study_id")
    sections = [
        pd.read_csv(folder / f"reference_{n}.csv").set_index("id") for n in ("findings", "impressions")
    ]
    studies = human.index[human.index.isin(sections[0].index) | human.index.isin(sections[1].index)]
    labellers = {name: CheXpertLabeler(name) for name in ("original", "corrected")}
    texts = [section["text"].reindex(studies) for section in sections]
    labelled = {name: [labeller.label_many(t) for t in texts] for name, labeller in labellers.items()}
    labelled = {"reference": [section.reindex(studies) for section in sections], **labelled}
    present = [studies.isin(section.index) for section in sections]
    lines = [
        "| observation | human label | positives |"
        + "".join(f" {who} ({what}) |" for what in ("u as 0", "u as 1") for who in labelled),
        "|---" * 9 + "|",
    ]
    for name, classes in HUMAN.items():
        truth = (human.loc[studies, list(classes)].sum(axis=1) > 0).to_numpy()
        cells = []
        for values in ([1], [1, -1]):
            for tables in labelled.values():
                hits = [t[name].fillna(BLANK).astype(int).isin(values).to_numpy() for t in tables]
                if name == "No Finding":
                    found = np.all([h | ~p for h, p in zip(hits, present, strict=True)], axis=0)
                else:
                    found = np.any([h & p for h, p in zip(hits, present, strict=True)], axis=0)
                cells.append(f"{2 * (found & truth).sum() / (found.sum() + truth.sum()):.3f}")
        lines.append(f"| {name} | {' + '.join(classes)} | {truth.sum()} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def disagreements(texts: pd.Series, ours: np.ndarray, reference: np.ndarray, count: int) -> str:
    """A fixed sample of cells that differ, with the mentions behind ours."""
    labeler = CheXpertLabeler("original")
    rows, columns = np.nonzero(ours != reference)
    order = np.random.default_rng(0).permutation(len(rows))[:count]
    lines = []
    for row, column in zip(rows[order], columns[order], strict=True):
        name = OBSERVATIONS[column]
        mentions = [m for m in labeler.explain(texts.iloc[row]) if m.observation == name]
        found = "; ".join(f"{m.text} {m.status} ({m.rule})" for m in mentions)
        values = f"reference {reference[row, column]}, ours {ours[row, column]}"
        lines.append(f"{texts.index[row]} {name}: {values} [{found}]")
        lines.append(f"    {texts.iloc[row]}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--disagreements", type=int, default=0, help="print so many cells that differ (findings)"
    )
    count = parser.parse_args().disagreements
    if "COHERENT_CXR_SHARED" not in os.environ:
        sys.exit("Set COHERENT_CXR_SHARED to the folder that holds chexpert/reference_findings.csv.")
    folder = Path(os.environ["COHERENT_CXR_SHARED"]) / "chexpert"
    labeler = CheXpertLabeler("original")
    sys.stdout.write(
        "| texts | n | exact match | F1 positive | F1 negative | F1 uncertain |\n|---|---|---|---|---|---|\n"
    )
    tables = {name: pd.read_csv(folder / f"reference_{name}.csv").fillna({"text": ""}) for name in REFERENCES}
    labels = {
        name: (codes(labeler.label_many(table["text"])), codes(table)) for name, table in tables.items()
    }
    for name, (ours, reference) in labels.items():
        sys.stdout.write(overview(name, ours, reference) + "\n")
    sentences = pd.read_csv(folder / "reference_sentences.csv")
    agree = [
        labeler.label(sentence)[category] == label
        for sentence, category, label in zip(
            sentences["sentence"], sentences["category"], sentences["official_label"], strict=True
        )
    ]
    weighted = np.average(agree, weights=sentences["count"])
    sys.stdout.write(f"\nSentences: {np.mean(agree):.4f} of {len(agree)}, weighted by count {weighted:.4f}\n")
    ours, reference = labels["findings"]
    sys.stdout.write(f"\nFindings\n\n{per_label(ours, reference)}\n\n{confusion(ours, reference)}\n")
    sys.stdout.write(f"\nHuman labels, F1\n\n{human_table(folder)}\n")
    if count:
        texts = tables["findings"].set_index("id")["text"]
        sys.stdout.write(f"\n{disagreements(texts, ours, reference, count)}\n")


if __name__ == "__main__":
    main()
