"""Rewards by name, weighed by configuration."""

from __future__ import annotations

import numpy as np
import pytest

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.rewards import REWARDS, CiderD, Reports, RewardConfig, RewardContext, build_rewards


@pytest.fixture
def context(findings_texts) -> RewardContext:
    labels = np.full((20, 14), 2, dtype=np.int8)
    labels[:3, 2] = 1
    return RewardContext(CiderD.from_corpus(findings_texts[:50]), labels)


def both(findings_texts, written_texts) -> tuple[Reports, Reports]:
    dice = np.random.default_rng(1)
    codes = [dice.choice([1, 0, -1, 2], (30, 14)).astype(np.int8) for _ in range(2)]
    return Reports(written_texts[:30], codes[0]), Reports(findings_texts[:30], codes[1])


@pytest.mark.parametrize("name", REWARDS)
def test_every_registered_reward_keeps_the_interface(name, context, findings_texts, written_texts):
    candidates, references = both(findings_texts, written_texts)
    built = RewardConfig(weight=1.0).build(name, context)
    values = built.reward(candidates, references)
    assert values.shape == (30, len(built.reward.terms))
    assert np.isfinite(values).all()
    # pure: the same question gives the same answer, and the batch does not matter
    np.testing.assert_array_equal(values, built.reward(candidates, references))
    some = np.array([4, 2])
    np.testing.assert_allclose(
        built.reward(candidates.of(some), references.of(some)), values[some], rtol=1e-12
    )
    assert built.baseline == REWARDS[name].baseline
    assert built.reward.batch_statistics(candidates, references).shape == (
        30,
        len(built.reward.batch_statistic_names),
    )
    means = built.reward.statistics(candidates, references).mean(axis=0)
    if name not in ("f_beta", "recall_at_precision"):  # whose objectives are no means of rewards
        assert built.reward.objective(means) == pytest.approx(values.sum(axis=1).mean())


def test_the_order_and_weights_are_those_of_the_configuration(context):
    configs = {
        "ccr": RewardConfig(weight=10.0, baseline="leave_one_out", settings={"beta_u": 0.3}),
        "cider": RewardConfig(weight=1.0),
    }
    built = build_rewards(configs, context)
    assert [(b.name, b.weight, b.baseline) for b in built] == [
        ("ccr", 10.0, "leave_one_out"),
        ("cider", 1.0, "greedy"),
    ]
    uncertain = Reports(["x"], np.full((1, 14), -1, dtype=np.int8))
    positive = Reports(["x"], np.full((1, 14), 1, dtype=np.int8))
    np.testing.assert_allclose(built[0].reward(uncertain, positive), np.full((1, 13), 0.3))


def test_a_users_own_function_by_import_path(context, monkeypatch):
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    reports = Reports(["please please look", "look"], np.zeros((2, 14), dtype=np.int8))
    own = RewardConfig(weight=2.0, function="polite:politeness").build("politeness", context)
    assert own.reward(reports, reports).tolist() == [[2.0], [0.0]]
    assert own.reward.terms == ("politeness",)
    terms = RewardConfig(weight=2.0, function="polite:agreement").build("agreement", context).reward
    assert terms.terms == ("labels", "bonus")
    assert terms(reports, reports).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    wrong = RewardConfig(weight=2.0, function="polite:broken").build("broken", context).reward
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*\(2, 1\).*broken\.terms"):
        wrong(reports, reports)
    for missing in ("polite:nothing", "nowhere:politeness"):
        with pytest.raises(ValueError, match=r"cannot be imported.*PYTHONPATH"):
            RewardConfig(weight=1.0, function=missing).build("own", context)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("cidr", {"weight": 1.0}, "'cidr'; it must be one of cider, ccr"),
        ("ccr", {"weight": 1.0, "settings": {"beta": 0.5}}, "no setting 'beta'.*beta_u"),
        (
            "ccr",
            {"weight": 1.0, "settings": {"beta_u": 1.5}},
            "'ccr.beta_u' is 1.5; it must be a number, at least 0 and at most 1",
        ),
        ("ccr", {"weight": 1.0, "settings": {"types": ["Edma"]}}, "'types' is .*Edma"),
        (
            "ccr_weighted",
            {"weight": 1.0, "settings": {"max_weight": 0.5}},
            "'weighted_ccr.max_weight' is 0.5; it must be a number, at least 1",
        ),
        ("bleu", {"weight": 1.0, "settings": {"orders": 5}}, "'bleu.orders' is 5"),
        ("f_beta", {"weight": 1.0, "settings": {"beta": 0}}, "'f_beta.beta' is 0"),
        ("repetition", {"weight": 1.0, "settings": {"order": 0}}, "'repetition.order' is 0"),
        ("cider", {"weight": -1.0}, "weight' is -1.0"),
        ("cider", {"weight": 1.0, "baseline": "median"}, "median"),
        ("own", {"weight": 1.0, "function": "no_colon"}, "written module:function"),
        ("own", {"weight": 1.0, "function": "a:b", "settings": {"c": 1}}, "empty beside"),
    ],
)
def test_impossible_configurations_are_refused_in_words(name, values, message):
    with pytest.raises(ConfigurationError, match=message):
        RewardConfig(**values).checked(name)


def test_labels_are_read_once_per_unique_report_and_only_if_asked_for():
    asked = []

    def read(texts):
        asked.append(list(texts))
        return np.array([[len(text)] * 14 for text in texts], dtype=np.int8)

    reports = Reports(["a", "bb", "a", "a"], read)
    assert len(reports) == 4
    assert not asked
    assert reports.labels[:, 0].tolist() == [1, 2, 1, 1]
    assert reports.of(np.array([1, 0])).labels[:, 0].tolist() == [2, 1]
    assert asked == [["a", "bb"]]
