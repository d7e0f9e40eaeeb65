"""The key by which a training's checkpoints are found: its code, settings and inputs."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from coherent_cxr.configuration import Settings
from coherent_cxr.runtime.distributed import current_world

PACKAGE = Path(__file__).resolve().parents[1]
DATA = "*.yml"
"""Files of a package that its code reads: rule sets and the like."""

NEUTRAL = frozenset(
    {
        "checkpoint_every",
        "checkpoint_folder",
        "examples",
        "accumulate",
        "processes",
        "validation_samples",
        "test_corpus",
        "allow_seen_weights",
    }
)
"""Settings that do not change the trained weights; into how many parts a batch is cut counts by itself."""


def fingerprint(*parts: object) -> str:
    """Return a short digest of parts: of bytes as they are, of everything else as text."""
    digest = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else str(part).encode()
        digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()[:16]


def run_key(stage: str, config: Settings, *inputs: object) -> str:
    """Return the key of a training's checkpoints.

    The key depends on the code, comments included, so results from before a fixed bug are not reused. It
    depends on the parts that a batch is computed in, over all training processes: sums in another order
    differ in their last bits, and each part has its own dropout. Which process computes a part makes no
    difference, so two processes may continue what one began with ``accumulate: 2``.

    Args:
        stage: Module of the training function, whose own code and all it imports count.
        config: The stage's settings.
        inputs: Everything else that the result depends on: data, starting weights.
    """
    settings = {name: value for name, value in config.model_dump().items() if name not in NEUTRAL}
    parts = current_world().size * getattr(config, "accumulate", 1)
    return fingerprint(code_digest(stage), parts, sorted(settings.items()), *inputs)


def encoder_code(name: str) -> str:
    """Return the digest of an image encoder's code, which is loaded by name and so in no import list."""
    return code_digest("coherent_cxr.models.image_encoder.backbone", f"coherent_cxr.models.encoders.{name}")


@functools.cache
def code_digest(*modules: str, package: Path = PACKAGE) -> str:
    """Return the SHA-256 of the sources of modules and of all modules of this package that they import.

    Includes the packages' data files (:data:`DATA`); ignores line ends and the location of the files.

    Args:
        modules: Full names of modules of ``coherent_cxr``.
        package: Folder of the package.

    Raises:
        ModuleNotFoundError: If one of the modules does not exist.
    """
    files: set[Path] = set()
    waiting, met = list(modules), set(modules)
    for module in modules:
        if _file_of(module, package) is None:
            raise ModuleNotFoundError(f"There is no module '{module}' in '{package}'.")
    while waiting:
        file = _file_of(waiting.pop(), package)
        if file is not None and file not in files:
            files.add(file)
            new = set(_imported(file, package)) - met
            met |= new
            waiting.extend(new)
    packages = {file.parent for file in files} - {package}
    files |= {data for folder in packages for data in folder.rglob(DATA)}
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.relative_to(package).as_posix()):
        text = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{file.relative_to(package).as_posix()}:{len(text)}:".encode() + text)
    return digest.hexdigest()


def function_digest(path: str) -> str:
    """Return a digest of the file of a user's function and of all that it imports.

    Imports count within the function's package; of a module in no package, its file alone.

    Args:
        path: ``module:function``.
    """
    module = path.partition(":")[0]
    top = importlib.util.find_spec(module.partition(".")[0])
    if top is not None and top.submodule_search_locations:
        return fingerprint(
            path, code_digest(module, package=Path(next(iter(top.submodule_search_locations))))
        )
    spec = importlib.util.find_spec(module)
    file = Path(spec.origin) if spec is not None and spec.origin is not None else None
    return fingerprint(path, file.read_bytes() if file is not None and file.is_file() else "")


def _file_of(module: str, package: Path) -> Path | None:
    first, *rest = module.split(".")
    if first != package.name:
        return None
    place = package.joinpath(*rest)
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


def _imported(file: Path, package: Path) -> Iterator[str]:
    """Yield names that may be modules of this package: a file's imports, and the packages it is in."""
    here = [package.name, *file.relative_to(package).with_suffix("").parts]
    yield from (".".join(here[:depth]) for depth in range(1, len(here)))
    for name, level, of in _imports(file.read_bytes()):
        base = ".".join([*here[: len(here) - level], *([name] if name else [])]) if level else name
        for module in (base, *(f"{base}.{one}" for one in of)):
            parts = module.split(".")
            yield from (".".join(parts[: depth + 1]) for depth in range(len(parts)))


@functools.lru_cache(maxsize=2048)
def _imports(source: bytes) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """Return (module, dots before it, names taken from it) of all import statements of a source.

    Stages share most of their files, and to parse one takes milliseconds.
    """
    found: list[tuple[str, int, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.extend((alias.name, 0, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.level, tuple(alias.name for alias in node.names)))
    return tuple(found)
