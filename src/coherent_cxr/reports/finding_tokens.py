"""Finding tokens: a control token in front of each sentence that names the rarest finding it affirms.

One finding is worded in many ways and a normal sentence in few. So, word by word, a normal sentence is the
likeliest even where a finding is likelier than none. With the token first, the generator decides on the
finding over all its wordings together, and then on the wording. The token is a word to the generator, never
part of a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from coherent_cxr.reports.affirmed_findings import affirmed_findings

NO_FINDING_TOKEN = "<nothing stated>"


def finding_token_of(observation: str) -> str:
    """Return the token of sentences whose rarest affirmed observation this is."""
    return f"<{observation}>"


def finding_tokens_of(observations: Iterable[str]) -> list[str]:
    """Return all finding tokens: of sentences that affirm nothing, and of each observation."""
    return [NO_FINDING_TOKEN, *map(finding_token_of, observations)]


def finding_tokens(sentence_labels: pd.DataFrame, occurrences: Mapping[str, int]) -> dict[str, list[str]]:
    """Choose the token of every sentence: the rarest observation it affirms.

    Args:
        sentence_labels: study_id, sentence (index in the report) and the observations (1, 0, -1, missing) of
            every single sentence, by study in the report's order.
        occurrences: Training sentences that affirm each observation, by which rarity is judged.

    Returns:
        The token of each sentence, by study, in the report's order.

    Raises:
        KeyError: If the labels know no "No Finding".
    """
    affirmed = affirmed_findings(sentence_labels, occurrences)
    tokens = finding_tokens_of(affirmed.observations)
    rarest = np.where(affirmed.affirmed, affirmed.occurrences, np.inf).argmin(axis=1)
    chosen = np.where(affirmed.affirmed.any(axis=1), rarest + 1, 0)
    ordered = sentence_labels[["study_id", "sentence"]].assign(token=[tokens[place] for place in chosen])
    ordered = ordered.sort_values("sentence", kind="stable")
    return {str(study): list(rows) for study, rows in ordered.groupby("study_id", sort=False)["token"]}
