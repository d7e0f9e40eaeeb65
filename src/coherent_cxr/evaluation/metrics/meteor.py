"""METEOR, which needs Java; where there is none it is not run, and never counts as 0."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from coherent_cxr.evaluation.metrics.measures import Metric, SumMeasure, mean_measure

logger = logging.getLogger(__name__)

METEOR = Metric("METEOR")
STARTS_WITHIN = 60
"""Seconds in which Java must say its version."""


def java_is_there() -> bool:
    """Return whether there is a ``java`` command that starts (some systems ship one that only complains)."""
    command = shutil.which("java")
    return command is not None and _starts(command)


@cache
def _starts(command: str) -> bool:
    try:
        answer = subprocess.run(
            [command, "-version"], capture_output=True, timeout=STARTS_WITHIN, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0


def meteor(generated: Mapping[str, Sequence[str]], reference_texts: Sequence[str]) -> dict[str, SumMeasure]:
    """METEOR (Denkowski and Lavie 2014) through pycocoevalcap, mean over studies.

    pycocoevalcap's own total joins the counts of all segments; it is a few hundredths lower than the mean of
    their scores, which is what can be resampled. One Java process scores all systems, and a pair that several
    systems share only once, because starting Java takes longer than scoring hundreds of reports.

    Args:
        generated: Generated reports of each system, tokens joined by spaces.
        reference_texts: Reference reports in the same order and tokenisation.

    Returns:
        A measure per system; none where there is no working Java (a failure of Java is logged).
    """
    pairs = list(
        dict.fromkeys(p for texts in generated.values() for p in zip(texts, reference_texts, strict=True))
    )
    if not pairs or not java_is_there():
        return {}
    try:
        scores = dict(zip(pairs, _scores(pairs), strict=True))
    except (OSError, ValueError) as error:  # its output ended, or was no number
        logger.warning(
            "METEOR was not run: its Java program failed (%s). It wants about 2 GB of memory; to leave it "
            "out, set evaluation.meteor to false.",
            error,
        )
        return {}
    return {
        system: mean_measure(
            [METEOR], np.array([[scores[p]] for p in zip(texts, reference_texts, strict=True)])
        )
        for system, texts in generated.items()
    }


def _scores(pairs: Sequence[tuple[str, str]]) -> list[float]:
    from pycocoevalcap.meteor.meteor import Meteor

    candidates = {number: [candidate] for number, (candidate, _) in enumerate(pairs)}
    references = {number: [reference] for number, (_, reference) in enumerate(pairs)}
    scorer = Meteor()
    try:
        scores: list[float] = scorer.compute_score(references, candidates)[1]
    finally:
        if scorer.lock.locked():  # as a failure leaves it; the scorer would wait for itself for ever
            scorer.lock.release()
    return scores


def why_meteor_was_not_run(enabled: bool) -> str:
    """Return the reason in a sentence.

    Args:
        enabled: The setting ``evaluation.meteor``.
    """
    if not enabled:
        return "METEOR was not run: it was switched off (evaluation.meteor is false)."
    return (
        "METEOR was not run: it needs Java, and where these reports were scored there was no working java, "
        "or its program failed (the log then says why)."
    )
