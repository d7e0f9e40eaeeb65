"""Learning a labeller from sentences: rule labels, and in their place people's corrections.

How well it agrees is measured out of fold: a sentence is labelled by a classifier that has not seen it, nor
another that differs from it in its numbers only. So a correction is never tested on what it taught.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler
from coherent_cxr.chexpert.learnt.features import features, rule_features
from coherent_cxr.chexpert.learnt.labeller import CLASSES, LearntLabeler, to_file
from coherent_cxr.chexpert.observations import NO_FINDING
from coherent_cxr.configuration import ConfigurationError

UNSEEN: Final = -1e3
"""Score of a class that no sentence has."""
FOLDS: Final = 5
CORRECTION_WEIGHT: Final = 20.0
"""How many sentences of the rules a corrected one counts for: people correct what the rules get wrong."""
RULE_STRENGTH: Final = 4.0
"""Value of a feature from the rules, where a word has 1: words alone are too few to learn rare findings."""
Codes = NDArray[np.int8]


class Sentences(NamedTuple):
    """Different sentences with what they say.

    Attributes:
        texts: Cleaned sentences.
        codes: Places in :data:`CLASSES` ``(sentences, observations)``; "No Finding" stands for any other
            finding.
        corrected: Whether a person corrected the cell ``(sentences, observations)``.
        times: How often each occurs.
    """

    texts: list[str]
    codes: Codes
    corrected: NDArray[np.bool_]
    times: NDArray[np.int64]


def labelled_sentences(
    base: CheXpertLabeler,
    reports: Iterable[str | None],
    corrections: Mapping[str, Mapping[str, int | None]] | None = None,
) -> Sentences:
    """Label all different sentences of reports by rules, and put corrections in their place.

    Args:
        base: The rules.
        reports: Texts.
        corrections: By sentence, what it says of observations: 1, 0, -1, or None for nothing.

    Raises:
        ConfigurationError: If there are too few sentences, or a correction names no observation.
    """
    if type(base) is not CheXpertLabeler:
        raise ConfigurationError(f"A labeller is learnt from a rule set; '{base.name[:100]}' is none.")
    counted = Counter(sentence for report in reports for sentence in base.sentences(report))
    own: dict[str, Mapping[str, int | None]] = {}
    for text, said in (corrections or {}).items():
        for sentence in base.sentences(text)[:1]:
            own[sentence] = said
    texts = sorted({*counted, *own})
    if len(texts) < 2 * FOLDS:
        raise ConfigurationError(
            f"The reports have {len(texts)} different sentences; a labeller is learnt from "
            f"{2 * FOLDS} or more."
        )
    codes = np.stack([_codes(base, text) for text in texts])
    corrected = np.zeros(codes.shape, dtype=bool)
    for row, text in enumerate(texts):
        for name, label in own.get(text, {}).items():
            if name not in base.observations:
                raise ConfigurationError(
                    f"A correction names the observation '{name[:100]}'; the labels are "
                    f"{', '.join(base.observations)}."
                )
            column = base.observations.index(name)
            codes[row, column], corrected[row, column] = CLASSES.index(label), True
    times = np.array([counted.get(text, 1) for text in texts], dtype=np.int64)
    return Sentences(texts, codes, corrected, times)


def fit(base: CheXpertLabeler, sentences: Sentences, least: int = 2) -> bytes:
    """Learn a labeller.

    Args:
        base: The rules whose cleaning and aggregation it keeps.
        sentences: What it learns from.
        least: Sentences that a feature must occur in.

    Returns:
        Its file.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    seen = [features(text) | rule_features(base.statements(text)) for text in sentences.texts]
    counted = Counter(name for one in seen for name in one)
    names = sorted(name for name, times in counted.items() if times >= least) or ["^"]
    place = {name: at for at, name in enumerate(names)}
    rows = [sorted(place[name] for name in one if name in place) for one in seen]
    edges = np.cumsum([0, *map(len, rows)])
    columns = np.fromiter((at for row in rows for at in row), dtype=np.int64, count=int(edges[-1]))
    strength = np.array([RULE_STRENGTH if name.startswith("<") else 1.0 for name in names])
    shown = csr_matrix((strength[columns], columns, edges), (len(rows), len(names)))
    labels, classes = len(base.observations), len(CLASSES)
    weights = np.zeros((len(names), labels, classes), dtype=np.float32)
    bias = np.full((labels, classes), UNSEEN, dtype=np.float32)
    usual = np.sqrt(sentences.times.astype(np.float64))  # the most frequent sentence is not everything
    for label in range(labels):
        truth = sentences.codes[:, label]
        kinds = np.unique(truth)
        if len(kinds) == 1:
            bias[label, kinds] = 0
            continue
        weight = usual * np.where(sentences.corrected[:, label], CORRECTION_WEIGHT, 1.0)
        model = LogisticRegression(C=4.0, max_iter=200, tol=1e-3).fit(shown, truth, weight)
        coefficients, intercept = model.coef_, model.intercept_
        if len(kinds) == 2:  # one row stands for the second class
            coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
            intercept = np.array([0.0, intercept[0]])
        weights[:, label, kinds] = coefficients.T * strength[:, np.newaxis]
        bias[label, kinds] = intercept
    return to_file(names, weights.reshape(len(names), -1), bias.reshape(-1), base)


def out_of_fold(base: CheXpertLabeler, sentences: Sentences, seed: int = 0) -> Codes:
    """Label every sentence by a labeller that was learnt without it.

    Returns:
        Places in :data:`CLASSES` ``(sentences, observations)``.
    """
    groups = [re.sub(r"\d+", "0", text) for text in sentences.texts]
    fold_of = {
        group: place % FOLDS
        for place, group in enumerate(np.random.default_rng(seed).permutation(sorted(set(groups))).tolist())
    }
    fold = np.array([fold_of[group] for group in groups])
    found = np.zeros_like(sentences.codes)
    for number in range(FOLDS):
        held = np.flatnonzero(fold == number)
        kept = np.flatnonzero(fold != number)
        part = Sentences(
            [sentences.texts[i] for i in kept],
            sentences.codes[kept],
            sentences.corrected[kept],
            sentences.times[kept],
        )
        labeler = LearntLabeler("fold", 0, fit(base, part))
        for row in held.tolist():
            found[row] = labeler.scores(sentences.texts[row]).argmax(axis=1)
    return found


def agreement(base: CheXpertLabeler, sentences: Sentences, found: Codes) -> pd.DataFrame:
    """Return how labels agree with those of the rules and with the corrections, by observation.

    Args:
        base: The rules.
        sentences: With corrections in their place.
        found: Labels out of fold.

    Returns:
        ``observation`` and, against ``rules`` and ``corrections``: sentences compared, those that say
        something of it, the share that is labelled alike, and F1 of the positive label; missing without any.
    """
    by_rules = np.stack([_codes(base, text) for text in sentences.texts])
    rows = []
    for column, name in enumerate(base.observations):
        own, row = found[:, column], dict[str, float | str](observation=name)
        for what, truth, chosen in (
            ("rules", by_rules[:, column], ~sentences.corrected[:, column]),
            ("corrections", sentences.codes[:, column], sentences.corrected[:, column]),
        ):
            row |= {f"{key}_{what}": value for key, value in _alike(own[chosen], truth[chosen]).items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _alike(own: Codes, truth: Codes) -> dict[str, float]:
    positive = CLASSES.index(1)
    hits = ((own == positive) & (truth == positive)).sum()
    named = (own == positive).sum() + (truth == positive).sum()
    return {
        "sentences": float(len(own)),
        "stated": float((truth != 0).sum()),
        "alike": float((own == truth).mean()) if len(own) else float("nan"),
        "f1": float(2 * hits / named) if named else float("nan"),
    }


def _codes(base: CheXpertLabeler, sentence: str) -> Codes:
    labels = base.label(sentence)
    other = any(m.observation == NO_FINDING and m.status != 0 for m in base.explain(sentence))
    labels[NO_FINDING] = 1 if other else None
    return np.array([CLASSES.index(labels[name]) for name in base.observations], dtype=np.int8)
