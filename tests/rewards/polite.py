"""A user's own rewards, as tests import them."""

import numpy as np


def politeness(candidates, references):
    return [text.count("please") for text in candidates.texts]


def agreement(candidates, references):
    same = candidates.labels == references.labels
    return np.stack([same.mean(axis=1), np.ones(len(candidates))], axis=1)


agreement.terms = ("labels", "bonus")  # type: ignore[attr-defined]


def broken(candidates, references):
    return np.zeros((len(candidates), 3))
