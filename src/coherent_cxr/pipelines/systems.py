"""Which systems a run trains by reinforcement, evaluates and registers: the parameters say it.

Kedro makes pipelines without telling them the parameters. So a hook notes the systems of each context that is
created (``hooks/systems.py``); before there is one, as in ``kedro registry describe``, they are read here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from coherent_cxr.stopped import RunStoppedError

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader

MLE = "mle"
NAME = re.compile(r"[a-z][a-z0-9_]*")
TAKEN = (MLE, "encoder", "baselines")
"""Names of other trainings in results."""


class Systems(NamedTuple):
    """The generators of a run.

    Attributes:
        reinforced: Systems fine-tuned by reinforcement, all from the likelihood-trained model, in the order
            of results. Each has its settings in a section of its name.
        main: The system whose attention and cases the results page shows.
    """

    reinforced: tuple[str, ...]
    main: str

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Systems:
        """Read the parameters ``systems`` and ``main_system``.

        Raises:
            RunStoppedError: If they name no systems that can be trained.
        """
        names, main = parameters.get("systems"), parameters.get("main_system")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _wrong(
                "systems", names, "a list of names in a parameters file, such as [nlg, ccr]; []: mle alone"
            )
        for name in names:
            if not NAME.fullmatch(name) or name in TAKEN or names.count(name) > 1:
                right = (
                    f"different names of small letters, digits and underscores, none of {', '.join(TAKEN)}"
                )
                raise _wrong("systems", names, right)
            section = parameters.get(name)
            settings = section.get("rl_fine_tuning") if isinstance(section, Mapping) else None
            if not isinstance(settings, Mapping):
                raise RunStoppedError(
                    f"The setting 'systems' names '{name}', but there is no '{name}.rl_fine_tuning' with its "
                    "settings. Write it as those of the others in conf/base/rl_fine_tuning/parameters.yml."
                )
            if settings.get("system") != name:
                key = f"{name}.rl_fine_tuning.system"
                raise _wrong(key, settings.get("system"), f"'{name}', as its section is called")
        if main not in (MLE, *names):
            raise _wrong("main_system", main, f"one of {', '.join((MLE, *names))}, which this run trains")
        return cls(tuple(names), str(main))

    @property
    def models(self) -> dict[str, str]:
        """The generators by the names under which they appear in results, and where they are kept."""
        return {MLE: "mle_model"} | {name: f"{name}.rl_model" for name in self.reinforced}

    @property
    def histories(self) -> dict[str, str]:
        """Training histories by the names under which their curves appear."""
        reinforced = {name: f"{name}.rl_history" for name in self.reinforced}
        return {
            "encoder": "encoder_history",
            MLE: "mle_history",
            **reinforced,
            "baselines": "baselines_history",
        }

    def beside(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """Return inputs of a node, and after them every generator under its own name.

        Raises:
            RunStoppedError: If a system is called as one of the inputs is.
        """
        for name in self.reinforced:
            if name in inputs:
                raise _wrong(
                    "systems", list(self.reinforced), f"without '{name}', which is the name of other data"
                )
        return {**inputs, **self.models}


_of_context: Systems | None = None


def follow(loader: AbstractConfigLoader) -> None:
    """From now on make pipelines for the systems that a run's configuration names.

    Raises:
        RunStoppedError: If it names systems that cannot be trained.
    """
    from kedro.config import MissingConfigException

    global _of_context
    try:
        parameters = loader["parameters"]
    except MissingConfigException:
        parameters = {}
    _of_context = Systems.of(parameters) if "systems" in parameters else None


def current() -> Systems:
    """Return the systems of the newest context or, before there is one, of the project around this folder.

    Raises:
        RunStoppedError: If there is no project, or its parameters name no systems that can be trained.
    """
    return _of_context or _of_project(Path.cwd(), os.environ.get("KEDRO_ENV"))


@cache
def _of_project(folder: Path, env: str | None) -> Systems:
    from kedro.config import OmegaConfigLoader
    from kedro.framework.project import settings
    from kedro.utils import find_kedro_project

    conf = (find_kedro_project(folder) or folder) / settings.CONF_SOURCE
    if not conf.is_dir():
        raise RunStoppedError(
            f"Which systems to train is not known: there is no folder '{conf}' with the parameter 'systems'. "
            "Go to the project's folder."
        )
    return Systems.of(OmegaConfigLoader(conf, env=env, **settings.CONFIG_LOADER_ARGS)["parameters"])


def _wrong(key: str, value: object, right: str) -> RunStoppedError:
    return RunStoppedError(f"The setting '{key}' is {str(value)[:200]!r}; it must be {right}.")
