"""How far the rules carry beyond the sentences they were written for; prints Markdown tables.

Two estimates, since every reference text has been read by now:

* patterns that at most one reference report needs are left out, as if that report had never been seen;
* reference sentences are reworded (synonyms, adverbs, repeated or missing words, other findings in a list) in
  ways that leave their labels as they are.

Reads reference data that may not be shipped from the folder that ``COHERENT_CXR_SHARED`` names::

    python benchmarks/labeller_generality.py
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from labeller_agreement import REFERENCES, codes, overview

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.engine.classification import MentionClassifier
from coherent_cxr.chexpert.rules.rule_files import load_rules
from coherent_cxr.chexpert.rules.rule_set import Rule

REWORDINGS = (
    *(
        ("seen", "identified"),
        ("small", "tiny"),
        ("mild ", "slight "),
        ("focal", "lobar"),
        ("large ", "sizeable "),
    ),
    *(
        ("definite", "obvious"),
        ("the lungs", "both lungs"),
        ("left", "right"),
        ("versus", "vs"),
        ("stable", "unchanged"),
    ),
    *(
        ("may represent", "could reflect"),
        ("possible", "questionable"),
        ("cannot", "could not"),
        ("without", "with no"),
    ),
    *(("pneumothorax", "pneumothoraces"), ("pleural effusion", "pleural fluid"), ("no ", "no definite ")),
    *(("is normal", "is grossly normal"), ("are normal", "remain normal"), ("in size", "in size and shape")),
    *(("within normal limits", "grossly within normal limits"), ("there is no", "there is currently no")),
    *(("seen", "seen on this exam"), (".", " at this time."), (".", " in the right lung base.")),
    *((" or ", " or or "), ("no ", "no no "), (" is ", " is is "), ("focal", "focal focal"), (", ", " , , ")),
    *((" the ", " "), ("there is ", ""), ("there are ", ""), (" are ", " ")),
)


def without(phase: str, rule: int, pattern: int) -> MentionClassifier:
    """The classifier of the original rules without one pattern."""
    rules = load_rules()
    changed = list(rules.phases[phase])
    rest = _rest(changed[rule], {pattern})
    changed[rule : rule + 1] = [rest] if rest else []
    return MentionClassifier(replace(rules, phases={**rules.phases, phase: tuple(changed)}))


def _rest(rule: Rule, dropped: set[int]) -> Rule | None:
    patterns = tuple(p for index, p in enumerate(rule.patterns) if index not in dropped)
    return replace(rule, patterns=patterns) if patterns else None


def labels_with(classifier: MentionClassifier, texts: pd.Series) -> np.ndarray:
    labeler = CheXpertLabeler("original")
    labeler._classifier = classifier
    return codes(labeler.label_many(texts))


def positions() -> Iterator[tuple[str, int, int]]:
    for phase, rules in load_rules().phases.items():
        for number, rule in enumerate(rules):
            yield from ((phase, number, index) for index in range(len(rule.patterns)))


def unsupported(texts: pd.Series, reference: np.ndarray) -> set[tuple[str, int, int]]:
    """Patterns without which at most one report has more wrong labels."""
    wrong = (labels_with(MentionClassifier(load_rules()), texts) != reference).sum(axis=1)
    return {
        place
        for place in positions()
        if ((labels_with(without(*place), texts) != reference).sum(axis=1) > wrong).sum() <= 1
    }


def reworded(sentences: pd.Series) -> Iterator[tuple[str, str, str]]:
    for old, new in REWORDINGS:
        for sentence in sentences:
            if old in sentence:
                yield f"{old!r} → {new!r}", sentence, sentence.replace(old, new, 1)


def main() -> None:
    if "COHERENT_CXR_SHARED" not in os.environ:
        sys.exit("Set COHERENT_CXR_SHARED to the folder that holds chexpert/reference_findings.csv.")
    folder = Path(os.environ["COHERENT_CXR_SHARED"]) / "chexpert"
    tables = {name: pd.read_csv(folder / f"reference_{name}.csv").fillna({"text": ""}) for name in REFERENCES}
    everything = pd.concat(tables.values(), ignore_index=True)
    dropped = unsupported(everything["text"], codes(everything))
    rules = load_rules()
    kept = {
        phase: tuple(
            rest
            for number, rule in enumerate(phase_rules)
            if (rest := _rest(rule, {index for p, n, index in dropped if (p, n) == (phase, number)}))
        )
        for phase, phase_rules in rules.phases.items()
    }
    classifier = MentionClassifier(replace(rules, phases=kept))
    sys.stdout.write(
        f"Without the {len(dropped)} of {len(list(positions()))} patterns that one report or none needs\n\n"
    )
    sys.stdout.write(
        "| texts | n | exact match | F1 positive | F1 negative | F1 uncertain |\n|---|---|---|---|---|---|\n"
    )
    for name, table in tables.items():
        sys.stdout.write(overview(name, labels_with(classifier, table["text"]), codes(table)) + "\n")
    facts = pd.read_csv(folder / "reference_sentences.csv")
    labeler = CheXpertLabeler("original")
    sys.stdout.write("\n| rewording | sentences | same labels |\n|---|---|---|\n")
    changes = pd.DataFrame(
        reworded(facts["sentence"].drop_duplicates()), columns=["change", "before", "after"]
    )
    before, after = (codes(labeler.label_many(changes[side])) for side in ("before", "after"))
    changes["same"] = (before == after).all(axis=1)
    for change, group in changes.groupby("change", sort=False):
        sys.stdout.write(f"| {change} | {len(group)} | {group['same'].mean():.3f} |\n")
    sys.stdout.write(f"| all | {len(changes)} | {changes['same'].mean():.4f} |\n")


if __name__ == "__main__":
    main()
