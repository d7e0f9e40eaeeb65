"""The rules of selection and promotion, on numbers worked out by hand."""

import dataclasses
import math

import pytest

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.serving.registration.scoring import language_difference
from coherent_cxr.serving.registration.selection import (
    Assessment,
    Difference,
    ModelRegistrationConfig,
    RegistryEntry,
    assess,
    promote,
)
from helpers.settings import filled

CONFIG = filled(ModelRegistrationConfig)
ALIKE = Difference(0.01, -0.02, 0.04)
MLE = {"macro_f1": 0.30, "positive_calls": 100.0, "unique_reports": 0.4}


def _standing(
    version: str, score: float, digest: str = "d", rule: str = "r", why_not: str = ""
) -> RegistryEntry:
    return RegistryEntry(version, score, rule, digest, why_not)


def _assessments(**scores: float) -> dict[str, Assessment]:
    return {system: Assessment(score, ALIKE, []) for system, score in scores.items()}


def test_a_system_whose_training_was_stopped_is_out_whatever_its_score():
    stopped = assess(CONFIG, {**MLE, "macro_f1": 0.9}, MLE, ALIKE, "full was stopped after epoch 2.")
    assert stopped.reasons == ["Its training collapsed: full was stopped after epoch 2."]
    choice = CONFIG.choose({"mle": Assessment(0.3, ALIKE, []), "full": stopped})
    assert choice == ("mle", "mle")


def test_language_does_not_buy_the_alias():
    """The demonstration's numbers: nlg has the higher CIDEr-D and less clinical truth than mle."""
    nlg = assess(CONFIG, {**MLE, "macro_f1": 0.25}, MLE, Difference(0.2, 0.1, 0.3))
    mle = assess(CONFIG, MLE, MLE, Difference(0.0, 0.0, 0.0))
    assert nlg.reasons == mle.reasons == []
    assert CONFIG.choose({"nlg": nlg, "mle": mle}) == ("mle", "mle")


def test_a_system_whose_language_is_significantly_below_is_out_whatever_its_score():
    worse = assess(CONFIG, {**MLE, "macro_f1": 0.9}, MLE, Difference(-0.2, -0.3, -0.1))
    assert (
        "CIDEr-D is significantly below that of mle (-0.200, 95 % interval -0.300 to -0.100)"
        in worse.reasons[0]
    )
    lower_by_chance = assess(CONFIG, {**MLE, "macro_f1": 0.4}, MLE, Difference(-0.2, -0.5, 0.0))
    assert lower_by_chance.reasons == []
    choice = CONFIG.choose({"mle": Assessment(0.3, ALIKE, []), "a": worse, "b": lower_by_chance})
    assert choice == ("b", "b")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"positive_calls": 49.0}, "affirms 49 positive labels, mle 100"),
        ({"positive_calls": 50.0}, None),
        ({"unique_reports": 0.049}, "0.049 of its reports are different"),
        ({"unique_reports": 0.05}, None),
    ],
)
def test_a_system_that_collapsed_to_the_normal_report_is_out(changes, reason):
    found = assess(CONFIG, {**MLE, **changes}, MLE, ALIKE)
    assert [reason in told for told in found.reasons] == ([True] if reason else [])


def test_a_model_that_calls_nothing_is_not_below_one_that_calls_nothing():
    silent = {"positive_calls": 0.0, "unique_reports": 0.5}
    found = assess(CONFIG, silent, silent, ALIKE)
    assert (found.reasons, found.score) == ([], 0.0)


def test_best_takes_the_highest_score_and_the_first_of_equals():
    found = _assessments(mle=0.3, nlg=0.5, ccr=0.1, full=0.5)
    assert CONFIG.choose(found) == ("nlg", "nlg")
    assert filled(ModelRegistrationConfig, candidate="ccr").choose(found) == ("nlg", "ccr")
    with pytest.raises(ConfigurationError, match=r"candidate.*'largest'.*one of best, mle, nlg"):
        filled(ModelRegistrationConfig, candidate="largest").choose(found)


def test_a_candidate_named_after_the_models_were_scored_counts():
    scores = {
        "systems": {"mle": {"score": 0.5}, "nlg": {"score": 0.25}},
        "by_rule": "mle",
        "candidate": "mle",
    }
    named = filled(ModelRegistrationConfig, candidate="nlg").with_candidate(scores)
    assert named == {**scores, "candidate": "nlg"}
    assert filled(ModelRegistrationConfig).with_candidate(named) == scores
    none_may = {**named, "by_rule": None}
    assert filled(ModelRegistrationConfig).with_candidate(none_may)["candidate"] == "mle"
    with pytest.raises(ConfigurationError, match=r"candidate.*'ccr'.*one of best, mle, nlg"):
        filled(ModelRegistrationConfig, candidate="ccr").with_candidate(scores)


def test_where_all_have_collapsed_the_best_of_them_is_registered_but_no_champion():
    collapsed = {
        system: Assessment(score, ALIKE, ["It has collapsed."])
        for system, score in {"mle": 0.1, "full": 0.2}.items()
    }
    assert CONFIG.choose(collapsed) == (None, "full")


def test_the_difference_of_language_is_that_of_the_studies_and_its_interval_of_the_patients():
    own = {f"s{i}": 1.0 + (i % 2) for i in range(40)}
    reference = dict.fromkeys(own, 1.0)
    patients = {study: study for study in own}
    found = language_difference(CONFIG, own, reference, patients)
    assert found.value == pytest.approx(0.5)
    # half of 40 differences are 1: standard error sqrt(0.25 / 40) = 0.079, 95 % about 0.5 -+ 0.155
    assert found.low == pytest.approx(0.345, abs=0.03)
    assert found.high == pytest.approx(0.655, abs=0.03)
    # the same studies of two patients, one with all the ones: two draws give 0, 0.5 or 1
    of_two = {study: str(int(study[1:]) % 2) for study in own}
    assert language_difference(CONFIG, own, reference, of_two) == (0.5, 0.0, 1.0)


def test_of_one_patient_no_difference_is_significant():
    one = language_difference(CONFIG, {"a": 0.1, "b": 0.2}, {"a": 0.9, "b": 0.8}, {"a": "p", "b": "p"})
    assert one == (pytest.approx(-0.7), None, None)
    assert assess(CONFIG, MLE, MLE, one).reasons == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"min_positive_calls": 1.5},
            "model_registration.min_positive_calls' is 1.5; it must be a number, at least 0 and at most 1",
        ),
        ({"min_unique_reports": -0.1}, "at least 0 and at most 1"),
        ({"resamples": 10}, "at least 100"),
        ({"canditate": "mle"}, "Did you mean 'candidate'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        filled(ModelRegistrationConfig, **settings)


def test_the_rule_names_the_rule_set_and_every_limit():
    rule = filled(ModelRegistrationConfig, min_positive_calls=0.25, min_unique_reports=0.125).rule(
        "corrected"
    )
    for part in (
        "macro-F1",
        "rule set corrected",
        "CIDEr-D",
        "0.25 of the positive labels",
        "0.125 of the reports",
    ):
        assert part in rule


def test_the_first_version_becomes_champion():
    assert promote(_standing("1", 0.1), None, "keep").moved


def test_a_version_that_may_not_be_champion_is_not_even_the_first():
    told = promote(_standing("1", 0.9, why_not="It has collapsed."), None, "move")
    assert (told.moved, told.reason) == (False, "It has collapsed.")


@pytest.mark.parametrize("other", [{}, {"digest": "other"}, {"score": 0.9}])
def test_the_champions_weights_with_newer_settings_replace_it(other):
    champion = dataclasses.replace(_standing("1", **{"score": 0.25, **other}), weights_digest="w")
    newer = dataclasses.replace(_standing("2", 0.25), weights_digest="w")
    told = promote(newer, champion, "keep")
    assert told.moved
    assert told.reason.startswith("It is version 1 with the same weights")
    assert not promote(dataclasses.replace(newer, why_not="It has collapsed."), champion, "keep").moved
    unknown = dataclasses.replace(champion, weights_digest="")
    assert not promote(dataclasses.replace(newer, score=0.1, weights_digest=""), unknown, "keep").moved


def test_the_champion_itself_is_not_judged_against_itself():
    told = promote(_standing("1", 0.5, why_not="It has collapsed."), _standing("1", 0.5), "move")
    assert not told.moved
    assert told.reason == "Version 1 is the champion already, with these weights. It has collapsed."


def test_a_better_score_on_the_same_data_moves_the_alias():
    promotion = promote(_standing("2", 0.5), _standing("1", 0.25), "keep")
    assert promotion.moved
    assert "0.5000 against 0.2500 of version 1" in promotion.reason


@pytest.mark.parametrize("score", [0.25, 0.2])
def test_an_equal_or_worse_score_does_not(score):
    promotion = promote(_standing("2", score), _standing("1", 0.25), "keep")
    assert not promotion.moved
    assert "not better" in promotion.reason


@pytest.mark.parametrize("other", [{"digest": "other"}, {"rule": "other"}, {"score": math.nan}])
def test_scores_that_cannot_be_compared_keep_the_champion_unless_told_otherwise(other):
    better, champion = _standing("2", 9.0), _standing("1", **{"score": 0.25, **other})
    kept = promote(better, champion, "keep")
    assert not kept.moved
    assert "on_other_data" in kept.reason
    assert promote(better, champion, "move").moved
