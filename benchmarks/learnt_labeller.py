"""How a labeller that is learnt from the labels of ``corrected`` agrees with it and with human labels.

Reads reference data that may not be shipped from the folder that ``COHERENT_CXR_SHARED`` names::

    python benchmarks/learnt_labeller.py

Every report is labelled by a labeller that was learnt without it and without any sentence of it that no other
report has. Human labels are those of Open-I's MeSH terms; findings and impression are joined as in
``labeller_agreement.py``, uncertain counts as negative. What corrections do is seen on ``original``: 300
sentences of the other reports that ``corrected`` labels differently get its labels.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from labeller_agreement import HUMAN, codes
from sklearn.metrics import cohen_kappa_score

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.learnt.fitting import fit, labelled_sentences
from coherent_cxr.chexpert.learnt.labeller import LearntLabeler

FOLDS = 5


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 of two masks, nan where both are empty."""
    named = found.sum() + truth.sum()
    return float(2 * (found & truth).sum() / named) if named else float("nan")


def corrections(
    old: CheXpertLabeler, right: CheXpertLabeler, reports: list[str]
) -> dict[str, dict[str, int | None]]:
    """What a person with 300 sentences to spare would write of the rules of ``old``: the labels of ``right``.

    The sentences are drawn among those that the two label differently, by how often they occur.
    """
    counted = Counter(sentence for report in reports for sentence in old.sentences(report))
    differ = sorted(text for text in counted if old.label(text) != right.label(text))
    often = np.array([counted[text] for text in differ], dtype=float)
    size = min(300, len(differ))
    drawn = np.random.default_rng(0).choice(len(differ), size, replace=False, p=often / often.sum())
    return {differ[i]: {n: v for n, v in right.label(differ[i]).items() if n != "No Finding"} for i in drawn}


def main() -> None:
    if "COHERENT_CXR_SHARED" not in os.environ:
        sys.exit("Set COHERENT_CXR_SHARED to the folder that holds chexpert/openi_human_labels.csv.")
    folder = Path(os.environ["COHERENT_CXR_SHARED"]) / "chexpert"
    human = pd.read_csv(folder / "openi_human_labels.csv").set_index("study_id")
    sections = [
        pd.read_csv(folder / f"reference_{n}.csv").set_index("id")["text"]
        for n in ("findings", "impressions")
    ]
    studies = human.index[human.index.isin(sections[0].index) | human.index.isin(sections[1].index)]
    texts = [section.reindex(studies) for section in sections]
    base = CheXpertLabeler("corrected")
    rules = [codes(base.label_many(text)) for text in texts]
    old = CheXpertLabeler("original")
    by_old = [codes(old.label_many(text)) for text in texts]
    learnt, mended = ([np.zeros_like(table) for table in rules] for _ in range(2))
    counts = []
    fold = np.random.default_rng(0).permutation(len(studies)) % FOLDS
    seconds = []
    for number in range(FOLDS):
        kept, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        began = time.process_time()
        reports = [text for section in texts for text in section.iloc[kept].dropna()]
        content = fit(base, labelled_sentences(base, reports))
        seconds.append(time.process_time() - began)
        labeler = LearntLabeler("fold", content=content)
        wrong = corrections(old, base, reports)
        counts.append(len(wrong))
        corrected = LearntLabeler("fold", content=fit(old, labelled_sentences(old, reports, wrong)))
        for table, other, section in zip(learnt, mended, texts, strict=True):
            table[held] = codes(labeler.label_many(section.iloc[held]))
            other[held] = codes(corrected.label_many(section.iloc[held]))
    sys.stdout.write(
        f"{len(studies)} studies; {np.mean(seconds):.1f} s of processor time to learn; "
        f"{np.mean(counts):.0f} sentences corrected in each fold\n\n"
    )
    sys.stdout.write(
        "| observation | kappa with corrected | F1 with corrected | human label | positives | corrected "
        "| learnt of it | original | learnt of it, 300 corrections |\n" + "|---" * 9 + "|\n"
    )
    present = [section.notna().to_numpy() for section in texts]
    both = [
        np.concatenate([t[p] for t, p in zip(tables, present, strict=True)]) for tables in (rules, learnt)
    ]
    for column, name in enumerate(OBSERVATIONS):
        by_rules, by_learnt = (table[:, column] for table in both)
        kappa = cohen_kappa_score(by_rules, by_learnt)
        cells = [name, f"{kappa:.3f}", f"{f1(by_learnt == 1, by_rules == 1):.3f}"]
        if name in HUMAN:
            truth = (human.loc[studies, list(HUMAN[name])].sum(axis=1) > 0).to_numpy()
            cells += [" + ".join(HUMAN[name]), str(truth.sum())]
            for tables in (rules, learnt, by_old, mended):
                hits = [table[:, column] == 1 for table in tables]
                joined = (
                    np.all([h | ~p for h, p in zip(hits, present, strict=True)], axis=0)
                    if name == "No Finding"
                    else np.any([h & p for h, p in zip(hits, present, strict=True)], axis=0)
                )
                cells.append(f"{f1(joined, truth):.3f}")
        else:
            cells += ["–"] * 6
        sys.stdout.write("| " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
