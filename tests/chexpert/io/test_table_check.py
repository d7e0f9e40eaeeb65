"""Labels that another rule set made are told from those of the labeller in use."""

from __future__ import annotations

import pandas as pd
import pytest

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.io.table_check import LabelTableError, check_labels
from coherent_cxr.chexpert.tables import label_table

CORRECTED, ORIGINAL = CheXpertLabeler("corrected"), CheXpertLabeler("original")
NORMAL_SIZE = "The heart size appears within normal limits."


def findings(count: int, odd: int) -> pd.DataFrame:
    """Reports that both rule sets read alike, but for every ``odd``-th."""
    texts = [NORMAL_SIZE if place % odd == 0 else "No pleural effusion." for place in range(count)]
    return pd.DataFrame({"study_id": [f"S{place}" for place in range(count)], "text": texts})


def test_its_own_labels_pass_in_any_order_and_with_further_studies():
    table = findings(20, 3)
    labels = label_table(CORRECTED, table)
    check_labels(CORRECTED, table, labels)
    check_labels(CORRECTED, table[5:], labels.iloc[::-1])
    check_labels(CORRECTED, table, labels[:7])
    check_labels(CORRECTED, table[:0], labels[:0])


def test_labels_of_the_other_rule_set_are_refused_with_the_first_difference():
    table = findings(20, 3)
    with pytest.raises(LabelTableError) as told:
        check_labels(CORRECTED, table, label_table(ORIGINAL, table))
    message = str(told.value)
    assert "rule set 'corrected'" in message
    assert (
        "of 20 studies compared, the labels of 7 differ, first No Finding of 'S0' (blank in the table, 1"
        in message
    )
    assert "chexpert_labelling" in message
    assert NORMAL_SIZE not in message


def test_a_large_table_is_sampled_and_still_told_apart():
    table = findings(3000, 30)
    with pytest.raises(LabelTableError, match="of 500 studies compared"):
        check_labels(ORIGINAL, table, label_table(CORRECTED, table))


def test_rules_have_a_digest_of_what_they_say_and_not_of_where_they_lie(tmp_path):
    for folder, text in (
        ("a", "extends: [corrected.yml]\n"),
        ("b", "# the same\nextends: ['corrected.yml']\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yml").write_text(text)
    a, b = (CheXpertLabeler(tmp_path / folder / "mine.yml") for folder in ("a", "b"))
    assert a.digest == b.digest
    assert a.name == b.name == "mine.yml"
    (tmp_path / "a" / "mine.yml").write_text("extends: [corrected.yml]\nnegating_starts: [denies]\n")
    changed = CheXpertLabeler(tmp_path / "a" / "mine.yml")
    assert len({changed.digest, b.digest, CORRECTED.digest, ORIGINAL.digest}) == 4
