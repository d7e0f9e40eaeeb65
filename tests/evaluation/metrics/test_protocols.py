"""Protocols to the token: worked by hand, and the constant normal report on R2Gen's split of Open-I."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.metrics.language import bleu, rouge_l
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.metrics.protocols import ProtocolError, Reports, tokenizer
from coherent_cxr.evaluation.metrics.r2gen import R2GenConfig, R2GenTokens, clean
from coherent_cxr.evaluation.scoring import score_systems
from coherent_cxr.evaluation.systems import SystemOutput
from coherent_cxr.reports.text import metric_text, tokenize_findings

SHARED = os.environ.get("COHERENT_CXR_SHARED")
NORMAL = (
    "The heart is normal in size. The mediastinum is unremarkable. The lungs are clear. There is no pleural "
    "effusion or pneumothorax. No acute bony abnormality."
)


@pytest.mark.parametrize(
    ("report", "tokens"),
    [
        ("The heart is normal. No effusion.", "the heart is normal . no effusion ."),
        # commas, brackets, slashes and quotes go without a blank in their place; hyphens stay
        ('Well-expanded lungs, (clear); 3/4 "ok" a:b <c>.', "well-expanded lungs clear 34 ok ab c ."),
        # list numbers go; "1. " goes wherever it stands
        ("1. Clear lungs. 2. No effusion. 3. Normal heart.", "clear lungs . no effusion . normal heart ."),
        ("Fracture of T11. Normal heart.", "fracture of t1normal heart ."),
        ("Clear.. No effusion...", "clear . no effusion ."),
        # a full stop without a blank behind it joins two words
        ("Clear.No effusion.", "clearno effusion ."),
        ("Clear. . No effusion.", "clear .  . no effusion ."),
        ("Clear lungs.\nNo effusion.\r\n", "clear lungs . no effusion ."),
        ("", " ."),
    ],
)
def test_r2gen_cleans_a_report_by_hand(report, tokens):
    assert clean(report) == tokens


def test_r2gen_joins_blanks_only_as_it_does_for_mimic_cxr():
    report = "Clear lungs.\n \n2. No  effusion of ____ cm."
    assert clean(report, join_blanks=True) == "clear lungs . no effusion of  cm ."
    assert clean(report) == "clear lungs .  . no  effusion of  cm ."


def test_r2gen_by_hand_rare_words_are_unknown_and_both_sides_are_cut():
    training = ["No effusion. Clear lungs.", "No effusion. Clear lungs.", "No effusion. Clear heart."]
    # counts: "no" 3, "effusion" 3, "clear" 3, "." 6; "lungs" 2, "heart" 1
    tokens = R2GenTokens.of(R2GenConfig(max_tokens=7), training)
    assert tokens.words == {"no", "effusion", "clear", "."}
    assert tokens("No lungs. Clear effusion, no no effusion.") == "no <unk> . clear effusion no no"
    # below: 5 of 6 words match; of the pairs (no, <unk>), (<unk>, .) once, and (., clear), so 3 of 5
    written, wanted = tokens("No heart. Clear heart."), tokens("No lungs. Clear effusion.")
    assert (written, wanted) == ("no <unk> . clear <unk> .", "no <unk> . clear effusion .")
    values = bleu([written], [wanted]).values(np.ones((1, 1)))[0]
    assert values[:2] == pytest.approx([5 / 6, np.sqrt(5 / 6 * 3 / 5)], abs=1e-6)


@pytest.mark.skipif(SHARED is None, reason="needs R2Gen's split of Open-I in COHERENT_CXR_SHARED")
def test_the_constant_normal_report_has_the_values_of_the_field_on_r2gens_split(openi):
    split = pd.read_csv(Path(str(SHARED)) / "openi" / "split_r2gen.csv").set_index("study_id")["split"]
    studies = openi.studies.dropna(subset=["findings"])
    studies = studies[studies["study_id"].isin(split.index)]
    of_study = studies["study_id"].map(split)
    training, test = (studies.loc[of_study == name, "findings"].tolist() for name in ("train", "test"))
    assert (len(training), len(test)) == (2069, 590)
    assert sum(len(clean(text).split()) > 59 for text in test) == 29
    expected = {"r2gen": (0.178, 0.391), "house": (0.164, 0.384)}
    for protocol, (bleu_4, rouge) in expected.items():
        tokenize = tokenizer(protocol, R2GenConfig(), training)
        sides = [
            Reports([metric_text(tokenize_findings(text).tokens) for text in texts], texts)
            for texts in ([NORMAL] * len(test), test)
        ]
        written, wanted = map(tokenize, sides)
        whole = np.ones((1, len(test)))
        assert bleu(written, wanted).values(whole)[0, 3] == pytest.approx(bleu_4, abs=5e-4)
        assert rouge_l(written, wanted).values(whole)[0, 0] == pytest.approx(rouge, abs=5e-4)


def test_several_protocols_give_named_columns_of_their_own(references, pairs, findings):
    readable = findings["text"].tolist()
    truth = dataclasses.replace(references, readable=readable[:60], readable_training=readable[60:])
    output = SystemOutput("mine", pairs[0], references.codes, readable=[*readable[:5], *readable[65:120]])
    config = EvaluationConfig(resamples=100, meteor=False, protocols=["r2gen", "house"])
    scores = score_systems(config, [output], truth)
    both = [scores.value("mine", Metric(name)) for name in ("BLEU-4", "BLEU-4, r2gen")]
    assert both[0] != both[1]
    alone = dataclasses.replace(config, protocols=("house",))
    assert score_systems(alone, [output], truth).value("mine", Metric("BLEU-4")) == both[0]
    names = {metric.name for metric in scores.metrics}
    assert {"CIDEr-D, r2gen", "ROUGE-L, r2gen, repeats kept"} <= names
    assert "BLEU-4, repeats kept" not in names  # repeats are shown by the first protocol


def test_a_protocol_that_cannot_be_used_is_refused_in_a_sentence(references, outputs):
    with pytest.raises(ProtocolError, match=r"rare in the training reports.*--training"):
        score_systems(EvaluationConfig(resamples=100, protocols=["r2gen"]), outputs, references)
    for protocols in ([], ["house", "house"], ["bleu"]):
        with pytest.raises(ConfigurationError, match="protocols"):
            EvaluationConfig(protocols=protocols)
