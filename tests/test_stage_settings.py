"""Every stage's own settings: where their defaults stand, and that no wrong one gets into a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import pluggy
import pytest
from base_settings import CONF, SECTIONS, parameters
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project
from kedro.validation.type_extractor import TypeExtractor

from coherent_cxr.cli.evaluate import evaluate
from coherent_cxr.configuration import ConfigurationError, Settings, section_name
from coherent_cxr.context import ProjectContext
from coherent_cxr.hooks.threads import RuntimeConfig
from coherent_cxr.pipeline_registry import register_pipelines
from coherent_cxr.settings import CONFIG_LOADER_ARGS
from coherent_cxr.stopped import RunStoppedError

STAGES = sorted(
    f"{name}.{inner}" if inner == "rl_fine_tuning" else name
    for name, given in parameters().items()
    if isinstance(given, dict)
    for inner in [next(iter(given))]
)
NONSENSE: list[object] = [[[]]]
"""No setting of any type takes it."""
OPTIONS = {"protocols": ("house",)}
"""Options of the command `evaluate` that are lists."""


@pytest.fixture(scope="module")
def classes() -> dict[str, type[Settings]]:
    """What the nodes of all pipelines ask for, by parameter."""
    configure_project("coherent_cxr")
    asked = TypeExtractor(dict(register_pipelines())).extract_types_from_pipelines()
    return {**asked, "runtime": RuntimeConfig}


def value(parameter: str, of: Mapping[str, Any]) -> Any:
    for name in parameter.split("."):
        of = of[name]
    return of


def given_twice(settings: type[Settings], given: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, field in settings.model_fields.items():
        inner = field.annotation
        if name not in given:
            continue
        if not field.is_required():
            yield f"{path}.{name}"
        if isinstance(inner, type) and issubclass(inner, Settings) and "RemoteFile" not in str(inner):
            yield from given_twice(inner, given[name], f"{path}.{name}")


@pytest.mark.parametrize("stage", STAGES)
def test_what_conf_base_gives_has_no_second_default_in_its_class(
    stage: str, classes: dict[str, type[Settings]]
) -> None:
    assert list(given_twice(classes[stage], value(stage, parameters()), stage)) == []


def test_the_command_for_anyones_reports_judges_like_the_stage() -> None:
    own = {option.name: option.default for option in evaluate.params if isinstance(option, click.Option)}
    stage = parameters()["evaluation"]
    for name in ("uncertain", "resamples", "protocols", "meteor", "samples", "seed"):
        assert own[name] == (tuple(stage[name]) if isinstance(stage[name], list) else stage[name]), name
    labelling = parameters()["chexpert_labelling"]
    assert own["rules"] == (labelling["rules"], labelling["beside"])


def test_sections_that_a_class_is_not_named_after_are_there(classes: dict[str, type[Settings]]) -> None:
    for name, section in SECTIONS.items():
        assert isinstance(value(section, parameters()), dict), name
    assert {section_name(classes[stage]) for stage in STAGES} == {s.rpartition(".")[2] for s in STAGES}


@pytest.mark.parametrize("stage", STAGES)
def test_no_setting_takes_nonsense(stage: str, classes: dict[str, type[Settings]]) -> None:
    given, section = value(stage, parameters()), stage.rpartition(".")[2]
    classes[stage].model_validate(given)
    for name in classes[stage].model_fields:
        with pytest.raises(ConfigurationError, match=rf"^The setting '{section}\.{name}[\['].*; it must be"):
            classes[stage].model_validate({**given, name: NONSENSE})


def context(changes: dict[str, Any]) -> ProjectContext:
    loader = OmegaConfigLoader(str(CONF), env="test", runtime_params=changes, **CONFIG_LOADER_ARGS)
    hooks = pluggy.PluginManager("kedro")
    return ProjectContext(CONF.parent, loader, "test", "coherent_cxr", hooks, changes)  # type: ignore[arg-type]


def of_every_stage(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return one wrong setting of every stage, as ``--params`` gives them."""
    changes: dict[str, Any] = {}
    for stage, wrong in settings.items():
        inner: Any = wrong
        for name in reversed(stage.split(".")):
            inner = {name: inner}
        changes |= inner
    return changes


def test_wrong_settings_stop_a_run_before_any_work_with_one_sentence_for_each_stage(
    classes: dict[str, type[Settings]],
) -> None:
    stages = [stage for stage in STAGES if stage != "runtime"]
    with pytest.raises(RunStoppedError) as stopped:
        _ = context(of_every_stage({stage: {"no_such_setting": 1} for stage in stages})).params
    told = str(stopped.value).splitlines()
    assert sorted(line.partition(" (given")[0] for line in told) == sorted(
        f"'{stage}' has no setting 'no_such_setting'" for stage in stages
    )

    wrong = {}
    for stage in stages:
        given = value(stage, parameters())
        wrong[stage] = next(
            name for name in classes[stage].model_fields if not isinstance(given.get(name), dict)
        )
    with pytest.raises(RunStoppedError) as stopped:
        _ = context(of_every_stage({stage: {name: NONSENSE} for stage, name in wrong.items()})).params
    told = sorted(str(stopped.value).splitlines())
    assert len(told) == len(stages)
    for line, (stage, name) in zip(told, sorted(wrong.items()), strict=True):
        assert line.startswith(f"The setting '{stage}.{name}"), line
        assert "; it must be " in line
