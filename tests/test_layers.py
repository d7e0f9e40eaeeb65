"""Imports only go down the layers of docs/architecture.md, checked by import-linter."""

import subprocess
import sys
from pathlib import Path


def test_imports_only_go_down_a_layer() -> None:
    answer = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
