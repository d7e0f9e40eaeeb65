"""A fabricated publication."""

from pathlib import Path

import pytest

from coherent_cxr.corpora.mimic_cxr.fabrication import (
    FabricatedStudy,
    MimicFabricationConfig,
    fabricate_mimic_cxr,
)
from helpers.mimic_publication import grey


@pytest.fixture
def publication(tmp_path: Path) -> tuple[Path, list[FabricatedStudy]]:
    config = MimicFabricationConfig(folder=str(tmp_path / "mimic"), patients=12, images=False)
    return tmp_path / "mimic", fabricate_mimic_cxr(config, grey)
