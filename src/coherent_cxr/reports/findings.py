"""What the generator learns of every study: findings, impression or both, in sentences and tokens."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from pydantic import Field

from coherent_cxr.configuration import Settings
from coherent_cxr.reports.sections import SECTIONS, Target
from coherent_cxr.reports.text import Tokenized, clean_section, tokenize_findings


class FindingsExtractionConfig(Settings):
    """Settings of the stage ``findings_extraction``.

    Attributes:
        target: What the generator learns to write: ``findings``, ``impression``, or both with a mark between
            them (:mod:`~coherent_cxr.reports.sections`).
        max_studies: Use the first studies with findings only; null uses all.
    """

    target: Target
    max_studies: Annotated[int, Field(ge=10)] | None


def extract_findings(
    config: FindingsExtractionConfig, studies: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Extract the findings of all studies, or whatever section is the target.

    Args:
        config: The stage's settings.
        studies: study_id and the target's sections (text or missing).

    Returns:
        Findings (study_id, text, sentences, tokens), one row per study that has some, and the exclusions
        (id, reason, detail) of all others. With two sections an empty sentence stands before the impression;
        a study that has one of them is kept, and an impression that only repeats the findings is left out.
    """
    wanted = SECTIONS if config.target == "findings_and_impression" else (config.target,)
    absent = f"The report has no {config.target} section."
    if len(wanted) > 1:
        absent = "The report has neither a findings nor an impression section."
    rows: list[tuple[str, str, list[str], list[list[str]]]] = []
    excluded: list[tuple[str, str, str]] = []
    for study_id, *sections in zip(studies["study_id"], *(studies[s] for s in wanted), strict=True):
        texts = [clean_section(section) if isinstance(section, str) else "" for section in sections]
        text, tokenized = _joined(texts)
        if not text:
            excluded.append((study_id, f"no_{config.target}_section", absent))
        elif not any(tokenized.tokens):
            detail = f"The {config.target} section holds no words."
            excluded.append((study_id, f"no_words_in_{config.target}", detail))
        elif config.max_studies is not None and len(rows) >= config.max_studies:
            detail = f"findings_extraction.max_studies is {config.max_studies}."
            excluded.append((study_id, "beyond_max_studies", detail))
        else:
            rows.append((study_id, text, tokenized.sentences, tokenized.tokens))
    findings = pd.DataFrame(rows, columns=["study_id", "text", "sentences", "tokens"])
    return findings, pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")


def _joined(texts: list[str]) -> tuple[str, Tokenized]:
    """Join the sections of a report, an empty sentence between them."""
    first, *others = texts
    if not others or not others[0] or others[0] == first:
        return first, tokenize_findings(first)
    findings, impression = tokenize_findings(first), tokenize_findings(others[0])
    if not impression.tokens:
        return first, findings
    marked = Tokenized(
        [*findings.sentences, "", *impression.sentences], [*findings.tokens, [], *impression.tokens]
    )
    return "\n\n".join(filter(None, texts)), marked
