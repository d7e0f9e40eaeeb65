"""The results page: complete, escaped, self-contained, the same twice, and right in a real browser."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.evaluation.attention.maps import attended_mentions
from coherent_cxr.evaluation.attention.negation import attention_by_status
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.report.page import Attended, Background, EncoderQuality, Judged, results_page
from coherent_cxr.evaluation.report.page.cases import agreement, best_and_worst, choose_samples
from coherent_cxr.evaluation.report.page.headline import headline
from coherent_cxr.evaluation.report.page.highlights import highlight
from coherent_cxr.evaluation.report.page.samples import sample
from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table
from coherent_cxr.evaluation.tables import ByMetric
from coherent_cxr.inference.attention import WordAttention

HOSTILE = '<script>alert("x")</script> & <img src="http://elsewhere/x.png">'
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
]


def attended_report(sentences):
    dice = np.random.default_rng(0)
    return [
        [
            WordAttention(word, dice.random((2, 2)).astype(np.float32), float(dice.random()))
            for word in sentence
        ]
        for sentence in sentences
    ]


ENCODER = EncoderQuality(
    pd.DataFrame(
        {
            "split": ["validation", "test", "test"],
            "observation": ["Edema", "Edema", "mean"],
            "studies": 60,
            "positives": [12, 11, 0],
            "auroc": [0.9, 0.8125, 0.75],
            "low": [0.8, 0.7, 0.6],
            "high": [1.0, 0.9, 0.9],
        }
    ),
    pd.DataFrame({"split": ["test"], "predicted": [0.2], "observed": [0.25], "decisions": [60]}),
    pd.DataFrame(
        {
            "operating_point": ["balanced", "sensitive"],
            "observation": "Edema",
            "called": [4, 0],
            "precision": [0.5, np.nan],
            "recall": [0.4, 0.0],
            "expected_precision": [0.6, np.nan],
            "expected_recall": [0.5, 0.0],
            "validation_positives": 5,
        }
    ),
)


@pytest.fixture(scope="module")
def judged(scores, outputs, references, findings) -> Judged:
    texts = findings["text"].tolist()
    references_shown = [HOSTILE, *texts[1 : len(references.study_ids)]]
    return Judged(
        EvaluationConfig(resamples=200, samples=6),
        shown_labeler(),
        metrics_table(scores),
        comparisons_table(scores),
        references.study_ids,
        references_shown,
        references.codes,
        {"others": texts[60:120], "perfect": texts[:60]},
        {output.name: output.codes["corrected"] for output in outputs},
        notices=("Drawn by a program.", HOSTILE),
    )


@pytest.fixture(scope="module")
def background(judged) -> Background:
    labeler = CheXpertLabeler()
    report = attended_report([["the", "heart", "is", "enlarged"], ["no", "pleural", "effusion", ",", "seen"]])
    mentions = attended_mentions(labeler, [report] * 20)
    history = pd.DataFrame(
        {
            "step": [1, 2],
            "epoch": [0.5, 1.0],
            "split": "validation",
            "metric": "macro_f1",
            "value": [0.1, 0.2],
        }
    )
    return Background(
        images=[np.full((64, 64), 40 + n, np.uint8) for n in range(len(judged.study_ids))],
        main_system="others",
        compared=frozenset({"silent"}),
        attended=Attended(
            "others",
            {0: report},
            mentions,
            attention_by_status(mentions, [f"P{n}" for n in range(20)], 100, 0),
            "corrected",
        ),
        histories={"mle": history},
        counts=[("studies parsed", 120)],
        exclusions=pd.DataFrame({"stage": ["parsing"], "reason": [HOSTILE], "count": [3]}),
        labels=pd.DataFrame({"test positive": range(14)}, index=list(OBSERVATIONS)),
        model=[("system", "others")],
        encoder=ENCODER,
        consensus=pd.DataFrame(
            {"system": HOSTILE, "samples": [0, 8], "metric": "BLEU-4", "value": [0.125, np.nan]}
        ),
        finding_tokens=pd.DataFrame(
            {
                "system": ["training references", "others"],
                "observation": "all findings",
                "sentences": [200, 40],
                "agreeing": [197, 39],
                "share": [0.985, 0.975],
            }
        ),
    )


@pytest.fixture(scope="module")
def page(judged, background) -> str:
    return results_page(judged, background)


def test_every_section_is_there_and_says_what_it_is_not_for(page):
    for section in (
        "headline",
        "labels",
        "encoder",
        "tokens",
        "consensus",
        "samples",
        "cases",
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


def test_areas_of_the_encoder_stand_with_their_intervals(page):
    row = re.search(r"<tr><th>Edema</th><td>0\.900<small>(.*?)</tr>", page)
    assert row is not None
    assert "0.812<small>0.700 – 0.900</small></td><td>11</td>" in row[1]


def test_shares_of_finding_tokens_and_quality_by_samples_stand_in_their_tables(page):
    assert "<td>0.985<small>200</small></td><td>0.975<small>40</small></td>" in page
    assert re.search(r"<tr><th>–</th><td>0\.125</td><td class=\"absent\">–</td>", page)
    assert re.search(r"<tr><th>8</th><td class=\"absent\">–</td>", page)


def test_what_was_not_run_is_said_and_never_a_zero(page):
    row = re.search(r"<th>silent</th>(.*?)</tr>", page, re.DOTALL)
    assert row is not None
    assert row[1].count("not run") == 4


@pytest.mark.slow
def test_why_meteor_was_not_run_depends_on_the_setting(judged):
    off = dataclasses.replace(judged, config=EvaluationConfig(resamples=200, samples=0, meteor=False))
    page = results_page(off)
    assert page.count("METEOR was not run: it was switched off (evaluation.meteor is false).") == 2
    row = {
        "system": "others",
        "metric": "METEOR",
        "labels": "",
        "average": "",
        "uncertain": "",
        "value": 0.25,
    }
    with_it = pd.concat([judged.metrics, pd.DataFrame([row | {"low": 0.2, "high": 0.3}])])
    page = results_page(dataclasses.replace(off, metrics=with_it))
    assert "METEOR was not run" not in page
    assert "METEOR: pycocoevalcap" in page


def test_text_from_reports_is_escaped_and_nothing_is_loaded(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'src="http' not in page
    assert "url(http" not in page
    assert not re.findall(r'<link|@import|href="(?!#)', page)


def test_ids_are_unique(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    links = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert set(links) <= set(ids)


def test_the_same_results_give_the_same_bytes(judged, background, page):
    assert results_page(judged, background) == page


def test_a_page_of_results_alone_leaves_the_other_sections_out(judged):
    page = results_page(judged)
    assert 'id="headline"' in page
    assert 'id="attention"' not in page
    assert 'id="data"' not in page


def test_no_samples_means_no_text_and_no_image(judged, background):
    quiet = dataclasses.replace(judged, config=EvaluationConfig(resamples=200, samples=0), notices=())
    page = results_page(quiet, background)
    assert "<article" not in page
    assert "<img" not in page
    assert not any(text in page for text in judged.references[1:] if len(text) > 40)


def test_a_mention_is_shown_with_its_whole_words_and_no_letter_is_lost():
    text = "No focal consolidation. Mild cardiomegaly & <b>effusion</b>."
    stretches = highlight(CheXpertLabeler(), text)
    assert "".join(s.text for s in stretches) == text
    shown = {s.text: s.style for s in stretches if s.style}
    assert shown["consolidation"].endswith("negative")
    assert shown["cardiomegaly"].endswith("positive")


def test_labels_beside_a_report_are_corrected_and_the_page_says_so(page):
    assert "Mentions and labels beside a report are by rule set “corrected”" in page
    text = "The heart size appears within normal limits."
    shown = sample(shown_labeler(), "S1", "", "The heart is enlarged.", {"copy": text})
    assert (shown.positives, shown.generated[0].missed) == (["Cardiomegaly"], ["Cardiomegaly"])
    assert (shown.generated[0].found, shown.generated[0].invented) == ([], ["No Finding"])
    assert all("positive" not in stretch.style for stretch in shown.generated[0].text)


def test_clinical_tables_show_corrected_first_and_original_beside_it(page):
    for what in ("Findings, judged by rule set", "14 labels, uncertain as negative, judged by rule set"):
        assert 0 < page.index(f"{what} corrected") < page.index(f"{what} original")
    assert page.index("<h3>F1, corrected</h3>") < page.index("<h3>F1, original</h3>")
    assert "<th>macro-F1-10 corrected</th>" in page
    assert "<th>accuracy original</th>" in page[page.index('id="paper"') :]


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


def test_which_differences_are_significant_is_said_in_words():
    metrics = pd.DataFrame(
        [(s, "F1", "", "", "", "", v, v - 0.1, v + 0.1) for s, v in (("a", 0.5), ("b", 0.45), ("c", 0.1))],
        columns=["system", "metric", "labels", "average", "uncertain", "rules", "value", "low", "high"],
    )
    comparisons = pd.DataFrame(
        [
            ("a", "b", "F1", "", "", "", "", 0.01, 0.3),
            ("a", "c", "F1", "", "", "", "", 0.002, 0.002),
            ("b", "c", "F1", "", "", "", "", 0.01, 0.01),
        ],
        columns=[
            "system",
            "other",
            "metric",
            "labels",
            "average",
            "uncertain",
            "rules",
            "p_value",
            "adjusted_p_value",
        ],
    )
    result = headline(
        ByMetric(metrics), ByMetric(comparisons), {"F1": Metric("F1"), "absent": Metric("absent")}
    )
    assert result.columns == ["F1"]
    assert [cells[0].rank for cells in result.rows.values()] == ["best", "like best", "worse"]
    assert result.sentences == [
        "F1: a is highest with 0.500; its lead over b is not significant, over the others it is."
    ]
    told = headline(ByMetric(metrics), ByMetric(comparisons), {"F1": Metric("F1")}, oracles={"a", "absent"})
    assert [cells[0].rank for cells in told.rows.values()] == ["oracle", "best", "worse"]
    assert told.sentences == ["F1: b is highest with 0.450; its lead over every other system is significant."]
    alone = headline(ByMetric(metrics), ByMetric(comparisons), {"F1": Metric("F1")}, oracles={"a", "b", "c"})
    assert alone.sentences == []


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to open the page in a real browser")
def test_a_real_browser_opens_the_page_without_an_error_and_fills_the_tables(page, tmp_path: Path):
    file = tmp_path / "results_page.html"
    file.write_text(page, encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    picture = tmp_path / "page.png"
    shown = subprocess.run(
        [
            CHROMIUM,
            *FLAGS,
            profile,
            f"--screenshot={picture}",
            "--window-size=1300,2000",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    console = [line for line in shown.stderr.splitlines() if ":CONSOLE" in line]
    assert not console
    dom = shown.stdout
    for section in ("headline", "labels", "tables", "paper"):
        body = dom[dom.index(f'id="{section}"') :]
        cells = re.findall(r"<td[^>]*>(.*?)</td>", body[: body.index("</section>")], re.DOTALL)
        assert len(cells) > 20
        assert all(cell.strip() for cell in cells)
    assert "alert(" not in re.sub(r"&lt;script&gt;alert", "", dom)
