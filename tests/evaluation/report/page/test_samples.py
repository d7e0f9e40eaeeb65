"""Studies that are shown: which, with which marks, and by which rules."""

from __future__ import annotations

import numpy as np
import pytest

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.evaluation.report.page.studies.cases import agreement, best_and_worst, choose_samples
from coherent_cxr.evaluation.report.page.studies.highlights import highlight
from coherent_cxr.evaluation.report.page.studies.samples import sample


def test_a_mention_is_shown_with_its_whole_words_and_no_letter_is_lost():
    text = "No focal consolidation. Mild cardiomegaly & <b>effusion</b>."
    stretches = highlight(CheXpertLabeler(), text)
    assert "".join(s.text for s in stretches) == text
    shown = {s.text: s.style for s in stretches if s.style}
    assert shown["consolidation"].endswith("negative")
    assert shown["cardiomegaly"].endswith("positive")


@pytest.mark.slow
def test_labels_beside_a_report_are_corrected_and_the_page_says_so(page):
    assert "Mentions and labels beside a report are by rule set “corrected”" in page
    text = "The heart size appears within normal limits."
    shown = sample(shown_labeler(), "S1", "", "The heart is enlarged.", {"copy": text})
    assert (shown.positives, shown.generated[0].missed) == (["Cardiomegaly"], ["Cardiomegaly"])
    assert (shown.generated[0].found, shown.generated[0].invented) == ([], ["No Finding"])
    assert all("positive" not in stretch.style for stretch in shown.generated[0].text)


def test_samples_show_every_observation_that_the_test_split_has():
    codes = np.full((50, 14), 2, np.int8)
    codes[7, 3], codes[9, 12] = 1, 1
    chosen = choose_samples(codes, 5, seed=1)
    assert {7, 9} <= set(chosen)
    assert chosen == sorted(set(chosen))
    assert choose_samples(codes, 5, seed=1) == chosen
    assert len(choose_samples(codes[:3], 5, seed=1)) == 3


def test_best_and_worst_by_hand():
    wanted, written = np.full((4, 14), 2, np.int8), np.full((4, 14), 2, np.int8)
    wanted[0, [2, 4]], written[0, [2, 4]] = 1, 1  # both found
    wanted[1, 2], written[1, 4] = 1, 1  # one missed, one invented
    wanted[2, 0] = 1  # "No Finding" does not count
    wanted[3, 2], written[3, [2, 4]] = 1, 1  # one found, one invented
    assert agreement(written, wanted).tolist() == [2, -2, 0, 0]
    assert best_and_worst(written, wanted, 3) == ([0], [1])
