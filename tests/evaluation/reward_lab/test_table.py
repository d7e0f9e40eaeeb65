"""The lab's table on real references: what every reward prefers."""

from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.evaluation.reward_lab import table as lab
from coherent_cxr.evaluation.reward_lab.config import RewardLabConfig
from coherent_cxr.pipelines import reward_lab
from coherent_cxr.reports.text import detokenize, metric_text, tokenize_findings
from coherent_cxr.rewards import REWARDS, CiderD
from helpers.conf import read_conf
from helpers.settings import filled

STUDIES = 600


@pytest.fixture(scope="module")
def outputs(openi, tmp_path_factory: pytest.TempPathFactory) -> DataCatalog:
    """The stage on the first reports of Open-I."""
    folder = tmp_path_factory.mktemp("lab")
    texts = [text for text in openi.studies["findings"].dropna() if tokenize_findings(text).tokens][:STUDIES]
    tokens = [tokenize_findings(text).tokens for text in texts]
    ids = [f"s{n}" for n in range(STUDIES)]
    findings = pd.DataFrame({"study_id": ids, "tokens": tokens, "text": [detokenize(t) for t in tokens]})
    catalog = DataCatalog.from_config(read_conf("reward_lab/catalog.yml", folder))
    settings = read_conf("reward_lab/parameters.yml", folder)["reward_lab"]
    catalog["params:reward_lab"] = filled(RewardLabConfig, **settings)
    catalog["params:chexpert_labelling"] = filled(ChexpertLabellingConfig)
    catalog["findings"] = findings
    catalog["chexpert_labels"] = label_table(CheXpertLabeler("corrected"), findings)
    split = ["validation" if n % 4 == 0 else "train" for n in range(STUDIES)]
    catalog["splits"] = pd.DataFrame({"study_id": ids, "split": split})
    catalog["cider_document_frequencies"] = CiderD.from_corpus([metric_text(t) for t in tokens]).to_dict()
    SequentialRunner().run(reward_lab.create_pipeline(), catalog)
    return catalog


def verdicts(outputs: DataCatalog, objective: str) -> dict[tuple[str, str], str]:
    table = outputs.load("reward_lab_table")
    own = table[table["objective"] == objective]
    return dict(zip(zip(own["wrong"], own["better"], strict=True), own["verdict"], strict=True))


def test_every_reward_is_tried_alone_and_every_kind_of_text_is_there(outputs):
    table = outputs.load("reward_lab_table")
    assert set(REWARDS) <= set(table["objective"])
    assert set(table["wrong"]) | {lab.TRUE} == set(lab.NEAR) | {
        *lab.SILENCE,
        lab.TRUE,
        "all findings affirmed",
        "another study's report",
        "its words shuffled",
    }
    assert (table["references"] > 5).all()
    assert table["share_preferred"].between(0, 1).all()


@pytest.mark.parametrize(
    ("reward", "fooled"),
    [
        ("cider", set()),
        ("bleu", set()),
        ("rouge_l", set()),
        ("ccr", {lab.NEAR_MISS}),
        ("ccr_signed", {lab.NEAR_MISS}),
        ("ccr_weighted", set()),
        ("f_beta", set()),
        ("recall_at_precision", set()),
        # near misses cost a missed and an invented finding: how many findings a report has decides
        ("clinical_severity", None),
    ],
)
def test_which_near_misses_a_reward_likes_less_than_silence(outputs, reward, fooled):
    found = verdicts(outputs, reward)
    preferred = {better for (wrong, better), v in found.items() if v == lab.PREFERS and wrong == lab.EMPTY}
    assert fooled is None or preferred - {lab.TRUE} == fooled
    # none of them prefers anything to the true report, and label rewards cannot see a doubled sentence
    assert not [wrong for (wrong, better), v in found.items() if better == lab.TRUE and v == lab.PREFERS]
    blind = reward not in ("cider", "bleu", "rouge_l")
    assert (found[lab.DOUBLED, lab.TRUE] == lab.TIES) == blind


@pytest.mark.parametrize("guard", ["length", "repetition"])
def test_guards_of_fluency_say_nothing_about_findings(outputs, guard):
    found = verdicts(outputs, guard)
    assert found["its words shuffled", lab.TRUE] != lab.RIGHT
    assert found[lab.DOUBLED, lab.TRUE] == lab.RIGHT


def test_the_page_names_who_prefers_what_and_quotes_no_report(outputs):
    page = outputs.load("reward_lab_page")
    assert "ccr prefers an empty report to one finding taken for another: " in page
    assert "f_beta prefers" not in page
    assert "pneumothorax" not in page.lower()


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ({"none": {"ccr": {"weight": 0.0}}}, "reward_lab.objectives.none' is .*positive for at least one"),
        ({"none": {}}, "positive for at least one"),
        ({"typo": {"cidr": {"weight": 1.0}}}, "'cidr'"),
    ],
)
def test_impossible_objectives_stop_before_any_work(objectives, message):
    with pytest.raises(ConfigurationError, match=message):
        RewardLabConfig(split="validation", normal_report="Normal.", objectives=objectives, seed=0)


def test_a_split_without_findings_is_said(outputs):
    nobody = outputs.load("splits").assign(split="train")
    loaded = {
        name: outputs.load(name) for name in ("findings", "chexpert_labels", "cider_document_frequencies")
    }
    with pytest.raises(ValueError, match="'validation' has no findings for the reward lab"):
        reward_lab.nodes.try_rewards(
            outputs.load("params:reward_lab"),
            loaded["findings"],
            loaded["chexpert_labels"],
            nobody,
            loaded["cider_document_frequencies"],
            outputs.load("params:chexpert_labelling"),
        )
