"""Where numbers come from: date, code and machine, as a page says them."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from coherent_cxr.runtime.cores import usable_cores

SHOWN_DIGITS = 10


def git(project: Path, *arguments: str) -> str | None:
    """Return what git answers about a folder; None outside a repository or without git."""
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=project, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def provenance(project: Path) -> list[tuple[str, str]]:
    """Return what, and its value: date, commit of the code (if any) and machine.

    Args:
        project: Folder of the project.
    """
    rows = [("made", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")]
    commit = git(project, "rev-parse", "HEAD")
    if commit is not None:
        changed = ", with changes" if git(project, "status", "--porcelain") else ""
        rows.append(("code", f"{commit[:SHOWN_DIGITS]}{changed}"))
    return [*rows, ("machine", f"{usable_cores()} cores, {processor()}")]


def processor() -> str:
    """Return the name of the processor, as the machine gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next((name for name in names if name), platform.processor() or platform.machine() or "unknown")
