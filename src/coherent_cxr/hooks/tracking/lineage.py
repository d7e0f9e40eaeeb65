"""What a run was made from and what it made: the commit of the code, the bytes of the data."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from coherent_cxr.runtime.provenance import git


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder: its files' relative names and bytes in sorted order."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file_path in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{file_path.relative_to(path).as_posix()}\n{file_digest(file_path)}\n".encode())
    return digest.hexdigest()


def dataset_path(dataset: Any) -> Path | None:
    """Return where the newest version of a dataset lies, or None if it is no local file or folder."""
    if not hasattr(dataset, "_get_load_path"):
        return None
    path = Path(str(dataset._get_load_path()))
    return path if path.exists() else None


def git_tags(project: Path) -> dict[str, str]:
    """Return the commit and whether the working tree differs from it; nothing outside a git repository.

    ``mlflow.source.git.commit`` is the tag that MLflow's pages show as a run's version.
    """
    commit = git(project, "rev-parse", "HEAD")
    if commit is None:
        return {}
    dirty = bool(git(project, "status", "--porcelain"))
    return {"mlflow.source.git.commit": commit, "git.dirty": str(dirty).lower()}
