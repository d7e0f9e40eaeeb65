"""The rules of selection and promotion, on numbers worked out by hand."""

import pytest

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.serving.selection import ModelRegistrationConfig, Standing, promote


def _standing(version: str, score: float, digest: str = "d", rule: str = "r") -> Standing:
    return Standing(version, score, rule, digest)


def test_the_score_weighs_labels_and_language():
    config = ModelRegistrationConfig(macro_f1_weight=2.0, cider_weight=0.5)
    assert config.score({"macro_f1": 0.25, "cider": 0.4}) == pytest.approx(0.7)
    assert "2 x macro-F1 + 0.5 x CIDEr-D on the validation split" in config.rule


def test_best_takes_the_highest_score_and_the_first_of_equals():
    scores = {"mle": 0.3, "nlg": 0.5, "ccr": 0.1, "full": 0.5}
    assert ModelRegistrationConfig().choose(scores) == "nlg"
    assert ModelRegistrationConfig(candidate="ccr").choose(scores) == "ccr"
    with pytest.raises(ConfigurationError, match=r"candidate.*'largest'.*one of best, mle, nlg"):
        ModelRegistrationConfig(candidate="largest").choose(scores)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"macro_f1_weight": 0.0, "cider_weight": 0.0}, "positive for one of the two"),
        ({"cider_weight": -1.0}, "at least 0"),
        ({"canditate": "mle"}, "Did you mean 'candidate'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        ModelRegistrationConfig(**settings)


def test_the_first_version_becomes_champion():
    assert promote(_standing("1", 0.1), None, "keep").moved


def test_a_better_score_on_the_same_data_moves_the_alias():
    promotion = promote(_standing("2", 0.5), _standing("1", 0.25), "keep")
    assert promotion.moved
    assert "0.5000 against 0.2500 of version 1" in promotion.reason


@pytest.mark.parametrize("score", [0.25, 0.2])
def test_an_equal_or_worse_score_does_not(score):
    promotion = promote(_standing("2", score), _standing("1", 0.25), "keep")
    assert not promotion.moved
    assert "not better" in promotion.reason


@pytest.mark.parametrize("other", [{"digest": "other"}, {"rule": "other"}])
def test_scores_that_cannot_be_compared_keep_the_champion_unless_told_otherwise(other):
    better, champion = _standing("2", 9.0), _standing("1", 0.25, **other)
    kept = promote(better, champion, "keep")
    assert not kept.moved
    assert "on_other_data" in kept.reason
    assert promote(better, champion, "move").moved
