"""A virtual environment of a list of requirements and nothing else, out of links to what is installed here.

It holds what ``pip install`` of the list would hold, requirements of requirements included, without
downloading gigabytes: an import that needs any other distribution fails as it would there.
"""

from __future__ import annotations

import sysconfig
import venv
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def make_environment(folder: Path, requirements: Iterable[str]) -> Path:
    """Make the environment and return its Python."""
    venv.EnvBuilder(symlinks=True).create(folder)
    version = sysconfig.get_python_version()
    site = folder / "lib" / f"python{version}" / "site-packages"
    owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for installed in distributions():
        name = installed.name  # parsed again every time
        for parts in _paths(installed):
            for depth in range(1, len(parts) + 1):
                owners[parts[:depth]].add(name)
    linked: set[tuple[str, ...]] = set()
    for member in closure(requirements):
        for parts in _paths(member):
            # the folder nearest the top that nobody else has files in
            place = next(
                (parts[:depth] for depth in range(1, len(parts)) if len(owners[parts[:depth]]) == 1), parts
            )
            if place not in linked:
                linked.add(place)
                link = site.joinpath(*place)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(str(member.locate_file("/".join(place))))
    return folder / "bin" / "python"


def _paths(installed: Distribution) -> set[tuple[str, ...]]:
    """Return a distribution's files, scripts left out, down to the third folder."""
    return {file.parts[:4] for file in installed.files or () if file.parts[0] != ".."}


def closure(requirements: Iterable[str]) -> list[Distribution]:
    """Return the distributions that a list of requirements asks for, those they ask for included."""
    found: dict[str, Distribution] = {}
    asked: set[tuple[str, str]] = set()
    todo = [(Requirement(line), "") for line in requirements]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found.setdefault(name, distribution(name))
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in asked:
                asked.add((name, wanted))
                todo += [(Requirement(line), wanted) for line in found[name].requires or ()]
    return list(found.values())
