"""The stage chexpert_labelling runs from its catalog and parameter files."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.pipelines import chexpert_labelling
from helpers.conf import read_conf
from helpers.settings import filled


def test_stage_writes_labels_and_mentions_that_can_be_read_again(tmp_path: Path) -> None:
    catalog = DataCatalog.from_config(read_conf("chexpert_labelling/catalog.yml", tmp_path))
    parameters = read_conf("chexpert_labelling/parameters.yml", tmp_path)["chexpert_labelling"]
    catalog["params:chexpert_labelling"] = filled(ChexpertLabellingConfig, **parameters)
    texts = ["There is a LEFT effusion.  No pneumothorax.", "Lungs are clear.", ""]
    sentences = [["There is a LEFT effusion.", "No pneumothorax."], ["Lungs are clear."], []]
    findings = pd.DataFrame(
        {"study_id": ["CXR1", "CXR2", "CXR3"], "text": texts, "sentences": sentences}, index=[5, 7, 9]
    )
    catalog["findings"] = findings

    SequentialRunner().run(chexpert_labelling.create_pipeline(), catalog)

    labels = catalog.load("chexpert_labels")
    assert list(labels.columns) == ["study_id", *OBSERVATIONS]
    assert list(labels["study_id"]) == ["CXR1", "CXR2", "CXR3"]
    assert list(labels["Pleural Effusion"].fillna(9)) == [1, 9, 9]
    assert list(labels["Pneumothorax"].fillna(9)) == [0, 9, 9]
    assert list(labels["No Finding"].fillna(9)) == [9, 1, 1]
    by_sentence = catalog.load("sentence_labels")
    assert list(by_sentence["study_id"]) == ["CXR1", "CXR1", "CXR2"]
    assert list(by_sentence["sentence"]) == [0, 1, 0]
    assert list(by_sentence["No Finding"].fillna(9)) == [9, 1, 1]
    assert list(by_sentence["Pleural Effusion"].fillna(9)) == [1, 9, 9]
    mentions = catalog.load("chexpert_mentions")
    assert list(mentions["status"]) == [1, 0]
    for mention in mentions.itertuples():
        assert texts[0][mention.start : mention.end] == mention.text
    assert list(mentions["text"]) == ["effusion", "pneumothorax"]


@pytest.mark.parametrize("key", ["rules", "beside"])
@pytest.mark.parametrize("value", ["correct", "Original", "nowhere.yml", "", "."])
def test_a_rule_set_that_is_not_there_stops_before_any_work(key: str, value: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"'chexpert_labelling.{key}' is '{value}'; it must be corrected"
    ):
        filled(ChexpertLabellingConfig, **{key: value})


@pytest.mark.slow
def test_the_judges_are_the_rules_and_what_stands_beside_them(tmp_path: Path) -> None:
    def names(**settings: str | None) -> list[str]:
        return [judge.name for judge in filled(ChexpertLabellingConfig, **settings).judges()]

    assert names() == ["corrected", "original"]
    assert names(beside=None) == ["corrected", "original"]  # never the teacher alone
    assert names(rules="original", beside=None) == ["original", "corrected"]
    assert names(rules="original", beside="original") == ["original", "corrected"]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yml").write_text("extends: [corrected.yml]\n")
    assert names(rules=str(tmp_path / "a" / "mine.yml")) == ["mine.yml", "original"]
    with pytest.raises(ConfigurationError, match="whose name differs from that of"):
        names(rules=str(tmp_path / "a" / "mine.yml"), beside=str(tmp_path / "b" / "mine.yml"))


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cache_size"):
        filled(ChexpertLabellingConfig, cache_size=-1)
