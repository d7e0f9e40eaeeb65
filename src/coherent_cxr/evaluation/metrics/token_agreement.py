"""How often a sentence agrees with its finding token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import compress

import pandas as pd

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.inference.sentence_check import affirmed
from coherent_cxr.reports.finding_tokens import NO_FINDING_TOKEN
from coherent_cxr.reports.vocabulary import Vocabulary

ALL_FINDINGS, NO_FINDING_AFFIRMED = "all findings", "nothing affirmed"
REFERENCES = "training references"
"""The sentences that the tokens were learnt from, with the words that the generator knows: the ceiling."""
COLUMNS = ("system", "observation", "sentences", "agreeing", "share")


def token_agreement(
    labeler: CheXpertLabeler,
    generated: pd.DataFrame,
    encoded_reports: pd.DataFrame,
    vocabulary: Vocabulary,
) -> pd.DataFrame:
    """Compare finding tokens with the sentences behind them.

    Args:
        labeler: Reads each sentence as a report of its own.
        generated: ``system``, ``unprocessed`` (words of each sentence as decoded), ``finding_tokens`` (one
            per sentence; none for systems that write none).
        encoded_reports: ``split``, ``sentences`` (word ids).
        vocabulary: Of the encoded reports.

    Returns:
        One row per system and observation: ``sentences`` with its token, ``agreeing`` (those that affirm the
        observation, or nothing), their ``share``. First the references of the training split, then the
        systems with finding tokens; of each the row over all findings first.
    """
    training = encoded_reports.loc[encoded_reports["split"] == "train", "sentences"]
    mark = vocabulary.section_mark_id
    learnt = [list(sentence) for report in training for sentence in report if mark not in sentence]
    known_words = [[i for i in sentence if i != Vocabulary.unk_id] for sentence in learnt]
    tables = [
        _agreement(
            REFERENCES,
            labeler,
            [vocabulary.finding_token_of(sentence) for sentence in learnt],
            [vocabulary.decode(sentence) for sentence in known_words],
        )
    ]
    for system, own in generated.groupby("system", sort=False):
        reports = zip(own["finding_tokens"], own["unprocessed"], strict=True)
        pairs = [
            (str(token), list(sentence))
            for tokens, sentences in reports
            if len(tokens)
            for token, sentence in zip(tokens, sentences, strict=True)
            if len(sentence)  # a section's mark has none
        ]
        if any(token for token, _ in pairs):
            tables.append(_agreement(str(system), labeler, *zip(*pairs, strict=True)))
    return pd.concat(tables, ignore_index=True)


def _agreement(
    system: str, labeler: CheXpertLabeler, tokens: Iterable[str], sentences: Iterable[list[str]]
) -> pd.DataFrame:
    pairs = [(token, words) for token, words in zip(tokens, sentences, strict=True) if token]
    agreeing = affirmed(labeler, [token for token, _ in pairs], [words for _, words in pairs])
    names = [NO_FINDING_AFFIRMED if token == NO_FINDING_TOKEN else token.strip("<>") for token, _ in pairs]
    sentence_counts, right = Counter(names), Counter(compress(names, agreeing))
    findings = [name for name in labeler.observations if name in sentence_counts]
    rows = [
        (ALL_FINDINGS, sum(sentence_counts[name] for name in findings), sum(right[name] for name in findings))
    ]
    rows += [(name, sentence_counts[name], right[name]) for name in (*findings, NO_FINDING_AFFIRMED)]
    shares = [(system, *row, row[2] / row[1]) for row in rows if row[1]]
    return pd.DataFrame(shares, columns=list(COLUMNS))
