"""The steps of a Containerfile, taken where no container engine is: each stage in a root folder of its own.

Python, the system's programs and the installed packages of this machine stand in for the base image and for
what pip would download; everything else is done as the file says. Needs root and mount namespaces.
"""

from __future__ import annotations

import json
import shlex
import shutil
import string
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SYSTEM = ("bin", "sbin", "lib", "lib64")
ACCOUNTS = ("passwd", "group", "shadow", "gshadow", "login.defs", "ld.so.cache", "nsswitch.conf")
PACKAGES = Path(sysconfig.get_path("purelib"))
BASE = {
    "PATH": "/usr/local/bin:/usr/sbin:/usr/bin",
    "LD_LIBRARY_PATH": "/usr/local/lib",
    "PYTHONPATH": "/packages",  # for what pip would download
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "OMP_NUM_THREADS": "1",
}
ENTER = """set -e
root=$1; access=$2; user=$3; shift 3
mount --bind "$root" "$root"
mount --bind -o ro /usr "$root/usr"
mount --bind -o ro "$PREFIX" "$root/usr/local"
mount --bind -o ro "$PACKAGES" "$root$PACKAGES"
mount -t proc proc "$root/proc"
for device in null zero random urandom; do mount --bind /dev/$device "$root/dev/$device"; done
test -z "$MODEL" || mount --bind -o ro "$MODEL" "$root/model"
mount -o "remount,bind,$access" "$root"
for place in tmp dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$root/$place"; done
ip link set lo up
exec chroot --userspec="$user" --groups= "$root" "$@"
"""


def can_enter() -> bool:
    """Whether this machine lets us change roots, and has a ``python`` to stand in for the image's own."""
    if not (Path(sys.base_prefix) / "bin" / "python").exists():
        return False
    return not subprocess.run(
        ["unshare", "--mount", "--net", "true"], check=False, capture_output=True
    ).returncode


class Step(NamedTuple):
    """A line of the file, with those that continue it."""

    word: str
    rest: str


def steps_of(text: str) -> list[Step]:
    """Return the steps of a Containerfile."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = lines.replace("\\\n", " ").splitlines()
    return [Step(*line.split(maxsplit=1)) for line in joined if line.strip()]


def make_context(repository: Path, folder: Path) -> Path:
    """Copy what ``.containerignore`` lets through."""
    folder.mkdir()
    for line in (repository / ".containerignore").read_text().splitlines():
        if line.startswith("!"):
            found = repository / line[1:]
            copy = shutil.copytree if found.is_dir() else shutil.copy
            copy(found, folder / line[1:])
    return folder


@dataclass
class Image:
    """What the steps of one stage have made.

    Attributes:
        root: Its folder.
        environment: Its variables.
        folder: Where commands work.
        user: Who runs them.
        lists: ``ENTRYPOINT``, ``CMD`` and ``HEALTHCHECK``.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(BASE))
    folder: str = "/"
    user: str = "0:0"
    lists: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("usr", "etc", "proc", "dev/shm", "tmp", "model", "packages", str(PACKAGES).lstrip("/")):
            (self.root / name).mkdir(parents=True)
        for name in SYSTEM:
            (self.root / name).symlink_to(f"usr/{name}")
        for name in ACCOUNTS:
            if Path("/etc", name).exists():
                shutil.copy(Path("/etc", name), self.root / "etc")
        for name in ("null", "zero", "random", "urandom"):
            (self.root / "dev" / name).touch()
        for package in PACKAGES.iterdir():
            if not package.name.startswith(("pip", "coherent_cxr", "__editable__")):
                (self.root / "packages" / package.name).symlink_to(package)

    def run(
        self,
        command: Sequence[str],
        given: Mapping[str, str] | None = None,
        read_only: bool = False,
        model: Path | None = None,
    ) -> str:
        """Run a command in it, without any network, and return what it prints on standard output.

        Raises:
            CalledProcessError: If it fails.
        """
        inside = [
            "/usr/bin/env",
            "-i",
            *(f"{k}={v}" for k, v in (self.environment | dict(given or {})).items()),
        ]
        inside += ["sh", "-c", 'cd "$0" && exec "$@"', self.folder, *command]
        outside = [
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            ENTER,
            "enter",
        ]
        arguments = [*outside, str(self.root), "ro" if read_only else "rw", self.user, *inside]
        names = {
            "PREFIX": sys.base_prefix,
            "PACKAGES": str(PACKAGES),
            "MODEL": "" if model is None else str(model),
        }
        path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(
            arguments, env=path | names, stdout=subprocess.PIPE, text=True, check=True, timeout=600
        )
        return done.stdout

    def place(self, path: str) -> Path:
        """Return where a path of it lies on this machine."""
        return self.root / str(Path(self.folder, path)).lstrip("/")


def build(steps: Sequence[Step], context: Path, folder: Path) -> Image:
    """Take the steps and return the last stage.

    Args:
        steps: Of the file.
        context: Where it copies from.
        folder: Where the roots of the stages are made.

    Raises:
        CalledProcessError: If a step fails.
        ValueError: If a step is of a kind that is not known here.
    """
    stages: dict[str, Image] = {}
    image = Image(folder / "none")
    for word, rest in steps:
        if word == "FROM":
            _, _, name = rest.partition(" AS ")
            image = stages[name] = Image(folder / f"stage-{len(stages)}")
        elif word == "RUN":
            image.run(["sh", "-c", rest])
        elif word == "COPY":
            _copy(image, rest, context, stages)
        elif word == "WORKDIR":
            image.folder = rest
            image.place("").mkdir(parents=True, exist_ok=True)
        elif word == "ENV":
            pairs = (part.split("=", 1) for part in shlex.split(rest))
            image.environment |= {k: string.Template(v).substitute(image.environment) for k, v in pairs}
        elif word == "USER":
            image.user = rest
        elif word in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
            image.lists[word] = json.loads(rest[rest.index("[") :])
        elif word != "EXPOSE":
            raise ValueError(f"The test does not know how to take a step {word}.")
    return image


def _copy(image: Image, rest: str, context: Path, stages: Mapping[str, Image]) -> None:
    *sources, target = rest.split()
    origin = context
    if sources[0].startswith("--from="):
        origin = stages[sources.pop(0).removeprefix("--from=")].root
    for source in sources:
        found = origin / source.lstrip("/")
        if found.is_dir():
            shutil.copytree(found, image.place(target), symlinks=True)
        else:
            place = image.place(target)
            shutil.copy(found, place / found.name if target.endswith("/") else place)
