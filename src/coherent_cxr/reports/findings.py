"""The findings section of every study: cleaned, in sentences, in tokens."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from pydantic import Field

from coherent_cxr.configuration import Settings
from coherent_cxr.reports.text import clean_section, tokenize_findings


class FindingsExtractionConfig(Settings):
    """Settings of the stage ``findings_extraction``.

    Attributes:
        max_studies: Use the first studies with findings only; null uses all.
    """

    max_studies: Annotated[int, Field(ge=10)] | None


def extract_findings(
    config: FindingsExtractionConfig, studies: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Extract the findings of all studies.

    Args:
        config: The stage's settings.
        studies: study_id and findings (text or missing).

    Returns:
        Findings (study_id, text, sentences, tokens), one row per study that has some, and the exclusions
        (id, reason, detail) of all others.
    """
    rows: list[tuple[str, str, list[str], list[list[str]]]] = []
    excluded: list[tuple[str, str, str]] = []
    for study_id, section in zip(studies["study_id"], studies["findings"], strict=True):
        text = clean_section(section) if isinstance(section, str) else ""
        tokenized = tokenize_findings(text)
        if not text:
            excluded.append((study_id, "no_findings_section", "The report has no findings section."))
        elif not tokenized.tokens:
            excluded.append((study_id, "no_words_in_findings", "The findings section holds no words."))
        elif config.max_studies is not None and len(rows) >= config.max_studies:
            detail = f"findings_extraction.max_studies is {config.max_studies}."
            excluded.append((study_id, "beyond_max_studies", detail))
        else:
            rows.append((study_id, text, tokenized.sentences, tokenized.tokens))
    findings = pd.DataFrame(rows, columns=["study_id", "text", "sentences", "tokens"])
    return findings, pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")
