"""Files as MIMIC-CXR publishes them, fabricated without radiographs."""

from pathlib import Path

import numpy as np
import pandas as pd

from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig, parse_mimic_cxr


def grey(*_: object) -> np.ndarray:
    return np.full((24, 20), 99, dtype=np.uint8)


def parse(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return parse_mimic_cxr(MimicCxrConfig(root=str(folder)))[:3]
