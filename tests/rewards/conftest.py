from __future__ import annotations

import numpy as np
import pytest

from coherent_cxr.reports.text import metric_text, tokenize_findings


@pytest.fixture(scope="session")
def findings_texts(openi) -> list[str]:
    """Real findings sections of Open-I, as metric texts."""
    findings = openi.studies["findings"].dropna()
    return [text for f in findings if (text := metric_text(tokenize_findings(f).tokens))]


@pytest.fixture(scope="session")
def written_texts(findings_texts) -> list[str]:
    """Something like generated reports: parts of the reference, mixed with sentences of other reports."""
    dice = np.random.default_rng(0)
    texts = []
    for number, text in enumerate(findings_texts):
        sentences = text.split(" . ")
        other = findings_texts[int(dice.integers(len(findings_texts)))].split(" . ")
        kept = [s for s in sentences if dice.random() < 0.5] + [s for s in other if dice.random() < 0.5]
        texts.append("" if number == 7 else " . ".join(kept))
    return texts
