from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from coherent_cxr.configuration import ConfigurationError, Settings, Share, ShareBelowOne, require


class InnerConfig(Settings):
    rate: PositiveFloat = 0.5
    share: Share = 0.0
    decay: ShareBelowOne = 0.0


class OuterConfig(Settings):
    name: str
    inner: InnerConfig = InnerConfig()
    mode: Literal["fast", "slow"] = "fast"
    limit: PositiveInt | None = None
    seed: NonNegativeInt = 0
    quick: bool = False
    views: tuple[str, ...] = ()
    systems: tuple[str, ...] | Literal["all"] = "all"
    parts: tuple[InnerConfig, ...] = ()
    named: dict[str, InnerConfig] = Field(default_factory=dict)
    anything: dict[str, Any] = Field(default_factory=dict)


def test_a_yaml_section_fills_the_whole_tree() -> None:
    filled = OuterConfig(
        name="a",
        inner={"rate": 2},
        views=["frontal"],
        limit=3,
        parts=[{"rate": 1}],
        named={"one": {}},
        anything={"list": [1]},
    )
    assert filled.inner.rate == 2.0
    assert isinstance(filled.inner.rate, float)
    assert filled.views == ("frontal",)
    assert filled.parts == (InnerConfig(rate=1.0),)
    assert filled.named == {"one": InnerConfig()}
    assert filled.anything == {"list": [1]}
    assert OuterConfig.model_validate({"name": "a"}) == OuterConfig(name="a")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"inner": {"rats": 1}},
            "'outer.inner' has no setting 'rats' (given value: 1). Did you mean 'rate'?",
        ),
        ({"parts": [{}, {"zzz": 1}]}, "'outer.parts[1]' has no setting 'zzz' (given value: 1). Known keys: "),
        ({"nam": "b"}, "'outer' has no setting 'nam' (given value: 'b'). Did you mean 'name'?"),
        ({"inner": {"rate": -1}}, "'outer.inner.rate' is -1; it must be a positive number."),
        ({"inner": {"rate": float("nan")}}, "'outer.inner.rate' is nan; it must be a positive number."),
        ({"inner": {"rate": float("inf")}}, "'outer.inner.rate' is inf; it must be a positive number."),
        (
            {"inner": {"share": 1.5}},
            "'outer.inner.share' is 1.5; it must be a number, at least 0 and at most 1.",
        ),
        ({"inner": {"decay": 1}}, "'outer.inner.decay' is 1; it must be a number, at least 0 and below 1."),
        ({"inner": {"rate": True}}, "'outer.inner.rate' is True; it must be a positive number."),
        ({"inner": 3}, "'outer.inner' is 3; it must be a mapping."),
        ({"inner": None}, "'outer.inner' is None; it must be a mapping."),
        ({"named": {"one": {"rate": "2"}}}, "'outer.named.one.rate' is '2'; it must be a positive number."),
        ({"mode": "quick"}, "'outer.mode' is 'quick'; it must be one of 'fast', 'slow'."),
        ({"limit": "3"}, "'outer.limit' is '3'; it must be null or a positive whole number."),
        ({"limit": 0}, "'outer.limit' is 0; it must be null or a positive whole number."),
        ({"limit": True}, "'outer.limit' is True; it must be null or"),
        ({"limit": 1.0}, "'outer.limit' is 1.0; it must be null or"),
        ({"seed": -1}, "'outer.seed' is -1; it must be a whole number, at least 0."),
        ({"quick": 1}, "'outer.quick' is 1; it must be true or false."),
        ({"quick": "yes"}, "'outer.quick' is 'yes'; it must be true or false."),
        ({"views": "frontal"}, "'outer.views' is 'frontal'; it must be a list."),
        ({"views": [1]}, "'outer.views[0]' is 1; it must be a text."),
        ({"systems": 3}, "'outer.systems' is 3; it must be a list or one of 'all'."),
        ({"systems": [3]}, "'outer.systems[0]' is 3; it must be a text."),
        ({"name": 3}, "'outer.name' is 3; it must be a text."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(values: dict[str, Any], message: str) -> None:
    for fill in (
        lambda: OuterConfig(**{"name": "a", **values}),
        lambda: OuterConfig(name="a").replace(**values),
    ):
        with pytest.raises(ConfigurationError) as refused:
            fill()
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^The setting 'outer.name' has no value; it must be a text.$"
    ):
        OuterConfig()
    with pytest.raises(ConfigurationError, match=r"'outer' has no setting 'nam'"):
        OuterConfig(nam="a")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ConfigurationError) as refused:
        OuterConfig(name="a", mode="slow" * 1000)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("given", [None, 3, "mle", ["a"], {3: 4}])
def test_a_section_that_is_no_mapping_of_names_is_refused(given: object) -> None:
    with pytest.raises(ConfigurationError, match="outer"):
        OuterConfig.model_validate(given)


def test_settings_do_not_change() -> None:
    settings = OuterConfig(name="a")
    with pytest.raises(ValidationError, match="frozen"):
        settings.name = "b"
    assert settings.replace(name="b") == OuterConfig(name="b")
    assert settings.name == "a"


def test_a_required_condition_names_the_key_and_the_value() -> None:
    require(True, "outer.name", "a", "short")
    with pytest.raises(ConfigurationError, match=r"^The setting 'outer.name' is 'a{199}; it must be short.$"):
        require(False, "outer.name", "a" * 1000, "short")
