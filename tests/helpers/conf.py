"""The project's own catalog and parameters, with their data somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

BASE = Path(__file__).resolve().parents[2] / "conf" / "base"


def read_conf(file: str, data: Path | str) -> dict[str, Any]:
    """Return a file of conf/base, such as ``evaluation/catalog.yml``.

    Args:
        file: Its path inside conf/base.
        data: The folder that takes the place of the environment's data folder.
    """
    text = (BASE / file).read_text().replace("${globals:data}", str(data))
    return {name: value for name, value in yaml.safe_load(text).items() if not name.startswith("_")}
