"""Finding tokens: what a sentence states, written in front of it before how it states it.

One finding is worded in many ways and the normal sentences in few, so word by word a normal sentence is the
likeliest even where a finding is likelier than none. With a mark in front, the generator first decides what
to state, over all wordings together, and then how. Marks are words to the generator and never part of a
report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from coherent_cxr.reports.affirmed_findings import affirmed_findings

NOTHING_STATED = "<nothing stated>"


def mark_of(observation: str) -> str:
    """Return the mark of sentences whose rarest affirmed observation this is."""
    return f"<{observation}>"


def finding_tokens_of(observations: Iterable[str]) -> list[str]:
    """Return all marks: of sentences that affirm nothing, and of each observation."""
    return [NOTHING_STATED, *map(mark_of, observations)]


def finding_tokens(sentence_labels: pd.DataFrame, occurrences: Mapping[str, int]) -> dict[str, list[str]]:
    """Mark every sentence with the rarest observation it affirms.

    Args:
        sentence_labels: study_id, sentence (index in the report) and the observations (1, 0, -1, missing) of
            every single sentence, by study in the report's order.
        occurrences: Training sentences that affirm each observation, by which rarity is judged.

    Returns:
        The marks of each study's sentences as written.

    Raises:
        KeyError: If the labels know no "No Finding".
    """
    affirmed = affirmed_findings(sentence_labels, occurrences)
    tokens = finding_tokens_of(affirmed.observations)
    rarest = np.where(affirmed.affirmed, affirmed.occurrences, np.inf).argmin(axis=1)
    chosen = np.where(affirmed.affirmed.any(axis=1), rarest + 1, 0)
    ordered = sentence_labels[["study_id", "sentence"]].assign(mark=[tokens[place] for place in chosen])
    ordered = ordered.sort_values("sentence", kind="stable")
    return {str(study): list(rows) for study, rows in ordered.groupby("study_id", sort=False)["mark"]}
