"""The results page: complete, escaped, self-contained, and the same twice."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest

from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.report.page import results_page
from coherent_cxr.evaluation.report.page.by_section import section_tables
from coherent_cxr.evaluation.report.page.results import _meteor_not_run
from helpers.settings import filled


@pytest.mark.slow
def test_every_section_is_there_and_says_what_it_is_not_for(page):
    for section in (
        "headline",
        "labels",
        "encoder",
        "tokens",
        "consensus",
        "sections",
        "samples",
        "attention",
        "curves",
        "tables",
        "paper",
        "data",
        "model",
    ):
        assert f'id="{section}"' in page
    assert "not for clinical use" in page
    assert "Drawn by a program." in page
    assert page.count('<article class="study') >= 6
    # under the table of language metrics and where it is said how they were measured
    assert page.count("METEOR was not run: it needs Java, and where these reports were scored there") == 2


@pytest.mark.slow
def test_areas_of_the_encoder_stand_with_their_intervals(page):
    row = re.search(r"<tr><th>Edema</th><td>0\.900<small>(.*?)</tr>", page)
    assert row is not None
    assert "0.812<small>0.700 – 0.900</small></td><td>11</td>" in row[1]


@pytest.mark.slow
def test_shares_of_finding_tokens_and_quality_by_samples_stand_in_their_tables(page):
    assert "<td>0.985<small>200</small></td><td>0.975<small>40</small></td>" in page
    assert re.search(r"<tr><th>–</th><td>0\.125</td><td class=\"absent\">–</td>", page)
    assert re.search(r"<tr><th>8</th><td class=\"absent\">–</td>", page)


@pytest.mark.slow
def test_each_section_has_a_table_and_one_section_has_none(page, judged, background):
    assert "<h3>impression</h3>" in page
    table = page.split('id="sections"')[1].split("</table>")[0]
    assert "<th>BLEU-4</th><th>ROUGE-L</th><th>CIDEr-D</th><th>macro-F1-10 corrected</th>" in table
    row = re.search(r"<tr><th>perfect</th>(.*?)</tr>", table)
    assert row is not None
    assert row[1].startswith("<td>1.000<small>1.000 – 1.000</small></td>")
    silent = re.search(r"<tr><th>silent</th>(.*?)</tr>", table)
    assert silent is not None
    assert silent[1].startswith('<td class="absent">–</td>')
    assert section_tables(None, "as_negative", "corrected") == {}
    assert section_tables(pd.DataFrame({"section": [], "system": []}), "as_negative", "corrected") == {}


@pytest.mark.slow
def test_what_was_not_run_is_said_and_never_a_zero(page):
    rows = re.findall(r"silent</span></th>(.*?)</tr>", page, re.DOTALL)
    assert rows
    # it has labels and no text: a language metric is not something that was left undone
    assert rows[0].count(">n/a</td>") == 3
    assert "not run" not in rows[0]


def test_where_meteor_was_run_nothing_is_said_of_it(judged):
    row = dict.fromkeys(("labels", "average", "uncertain"), "") | {"system": "others", "metric": "METEOR"}
    with_it = pd.concat([judged.metrics, pd.DataFrame([row | {"value": 0.25, "low": 0.2, "high": 0.3}])])
    assert _meteor_not_run(judged).startswith("METEOR was not run")
    assert _meteor_not_run(dataclasses.replace(judged, metrics=with_it)) == ""


@pytest.mark.slow
def test_text_from_reports_is_escaped_and_nothing_is_loaded(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'src="http' not in page
    assert "url(http" not in page
    assert not re.findall(r'<link|@import|href="(?!#)', page)


@pytest.mark.slow
def test_ids_are_unique(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    links = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert set(links) <= set(ids)


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes(judged, background, page):
    assert results_page(judged, background) == page


@pytest.mark.slow
def test_a_page_of_results_alone_leaves_the_other_sections_out_and_says_why_meteor_was_not_run(judged):
    off = dataclasses.replace(judged, config=filled(EvaluationConfig, resamples=200, samples=0, meteor=False))
    page = results_page(off)
    assert 'id="headline"' in page
    assert 'id="attention"' not in page
    assert 'id="data"' not in page
    assert page.count("METEOR was not run: it was switched off (evaluation.meteor is false).") == 2


@pytest.mark.slow
def test_no_samples_means_no_text_and_no_image(judged, background):
    quiet = dataclasses.replace(judged, config=filled(EvaluationConfig, resamples=200, samples=0), notices=())
    page = results_page(quiet, background)
    assert "<article" not in page
    assert "<img" not in page
    assert 'id="samples"' not in page
    assert not any(text in page for text in judged.references[1:] if len(text) > 40)


@pytest.mark.slow
def test_clinical_tables_show_corrected_first_and_original_beside_it(page):
    for what in ("Findings, judged by rule set", "14 labels, uncertain as negative, judged by rule set"):
        assert 0 < page.index(f"{what} corrected") < page.index(f"{what} original")
    assert page.index("<h3>F1, corrected</h3>") < page.index("<h3>F1, original</h3>")
    assert "<th>macro-F1-10 corrected</th>" in page
    assert "<th>accuracy original</th>" in page[page.index('id="paper"') :]


@pytest.mark.slow
def test_the_first_screen_says_where_numbers_come_from_and_what_they_mean(page):
    first = page[page.index("<header>") : page.index('id="samples"')]
    assert "made <b>2026-11-28</b>" in first
    sentences = re.findall(r"<li>(.*?)</li>", first[first.index('<ol class="says">') : first.index("</ol>")])
    assert [s.split(" ")[0] for s in sentences] == ["Best", "Distrust:"]  # no baseline of these has reports
    assert "perfect" in sentences[0]
    assert first.count('<article class="study') == 1
    assert 'perfect</span><span class="badge">champion</span>' in first


@pytest.mark.slow
def test_the_references_own_faults_stand_above_those_of_the_systems(page):
    table = page[page.index("the references themselves") :]
    table = table[: table.index("</table>")]
    assert re.match(r"the references themselves</th>(<td>\d\.\d{3}</td>){3}", table)
    assert "others</span>" in table
    assert "silent" not in table


@pytest.mark.slow
def test_every_card_can_be_filtered_and_every_filter_names_a_class_that_cards_have(page):
    cards = re.findall(r'<article class="study([^"]*)"', page[page.index('id="samples"') :])
    assert all({"right", "missed", "invented"} & set(card.split()) for card in cards)
    assert page.count('name="finding"') == 15
    assert page.count('name="outcome"') == 4
    assert page.count('<input type="checkbox" aria-label="Enlarge: Image of study') == len(cards) + 2
    assert 'title="The patient&#39;s right side' in page or "The patient's right side" in page


@pytest.mark.slow
def test_one_colour_per_system_and_published_numbers_only_where_verified(page, background):
    pairs = set(re.findall(r'class="system" style="--own: (#\w+)">([^<]+)<', page))
    assert len({name for _, name in pairs}) == len(pairs) > 1
    paper = page[page.index('id="paper"') :]
    assert "[M]" not in paper
    assert "1.490" not in paper
    assert "1.334" in paper
