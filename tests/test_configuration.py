from __future__ import annotations

from typing import Literal

import pytest

from coherent_cxr.configuration import ConfigurationError, configuration, require


@configuration
class Inner:
    rate: float = 0.5

    def check(self) -> None:
        require(self.rate > 0, "inner.rate", self.rate, "positive")


@configuration
class Outer:
    name: str
    inner: Inner = Inner()
    mode: Literal["fast", "slow"] = "fast"
    limit: int | None = None
    views: tuple[str, ...] = ()


def test_a_yaml_section_fills_the_whole_tree():
    filled = Outer(name="a", inner={"rate": 2}, views=["frontal"], limit=3)
    assert filled.inner.rate == 2.0
    assert isinstance(filled.inner.rate, float)
    assert filled.views == ("frontal",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"name": "a", "inner": {"rats": 1}},
            r"no setting 'rats' \(given value: 1\)\. Did you mean 'rate'\?",
        ),
        ({"name": "a", "inner": {"rate": -1}}, r"'inner\.rate' is -1\.0; it must be positive"),
        ({"name": "a", "mode": "quick"}, r"'Outer\.mode' is 'quick'; it must be one of 'fast', 'slow'"),
        ({"name": "a", "limit": "3"}, r"'Outer\.limit' is '3'; it must be of type int \| None"),
        ({"name": "a", "views": "frontal"}, r"'Outer\.views' is 'frontal'; it must be a list"),
        ({"name": 3}, r"'Outer\.name' is 3; it must be of type str"),
        ({"name": "a", "limit": True}, r"'Outer\.limit' is True"),
        ({}, r"Outer needs a value for: name"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(values, message):
    with pytest.raises(ConfigurationError, match=message):
        Outer(**values)


def test_configurations_do_not_change():
    with pytest.raises(AttributeError):
        Outer(name="a").name = "b"
