"""Settings of ``conf/base`` with some values changed, for code outside a Kedro run: benchmarks and tests."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from kedro.config import OmegaConfigLoader

from coherent_cxr.configuration import Settings, section_name

CONF = Path(__file__).resolve().parents[1] / "conf"
SECTIONS = {
    "RlFineTuningConfig": "nlg.rl_fine_tuning",
    "CollapseConfig": "nlg.rl_fine_tuning.collapse",
    "GuardConfig": "nlg.rl_fine_tuning.guard",
    "KlConfig": "nlg.rl_fine_tuning.kl",
    "ClipConfig": "nlg.rl_fine_tuning.clip",
    "GeneratorConfig": "mle_training.generator",
    "AugmentationConfig": "encoder_pretraining.augmentation",
    "CaptionerConfig": "baselines.captioner",
    "CaptioningConfig": "baselines.training",
    "ConsensusConfig": "generation.consensus",
    "R2GenConfig": "evaluation.r2gen",
    "JudgesConfig": "evaluation.judges",
}
"""Where classes stand in the parameters whose names do not say it."""

PAPER = {"size": 256, "attention_size": 64, "dropout": 0.5, "sentence_feedback": False}
"""The generator of the paper, which speed is measured with."""

S = TypeVar("S", bound=Settings)


def base_settings(settings: type[S], **changes: Any) -> S:
    """Return settings as ``conf/base`` has them, with some values changed; nested ones as mappings."""
    return settings(**merged(settings, section(settings), changes))


def section(settings: type[Settings]) -> dict[str, Any]:
    """Return what ``conf/base`` gives for a class."""
    found: Any = parameters()
    for name in SECTIONS.get(settings.__name__, section_name(settings)).split("."):
        found = found[name]
    return copy.deepcopy(dict(found))


def merged(settings: type[Settings], values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with changes, which reach into nested settings and replace everything else."""
    result = {**values, **changes}
    for name, field in settings.model_fields.items():
        inner, change = field.annotation, changes.get(name)
        if isinstance(inner, type) and issubclass(inner, Settings) and isinstance(change, Mapping):
            result[name] = merged(inner, values.get(name, {}), change)
    return result


@functools.cache
def parameters(env: str = "base") -> dict[str, Any]:
    """Return the parameters of an environment, as a run has them."""
    from coherent_cxr.settings import CONFIG_LOADER_ARGS

    arguments: dict[str, Any] = {**CONFIG_LOADER_ARGS, "default_run_env": "base"}
    return dict(OmegaConfigLoader(str(CONF), env=env, **arguments)["parameters"])
