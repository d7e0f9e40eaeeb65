"""Where numbers come from, in words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from coherent_cxr.runtime.provenance import git, processor, provenance


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert git(tmp_path, "rev-parse", "HEAD") is None
    rows = dict(provenance(tmp_path))
    assert list(rows) == ["made", "machine"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", rows["made"])
    assert re.fullmatch(r"\d+ cores, .+", rows["machine"])
    assert processor()


def test_changes_beside_the_commit_are_said(tmp_path: Path) -> None:
    for command in ("init -q", "-c user.name=x -c user.email=x commit -q --allow-empty -m x"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    head = git(tmp_path, "rev-parse", "HEAD")
    assert head is not None
    assert dict(provenance(tmp_path))["code"] == head[:10]
    (tmp_path / "new.txt").write_text("x")
    assert dict(provenance(tmp_path))["code"] == f"{head[:10]}, with changes"
