"""Figures as image files."""

from __future__ import annotations

from typing import Any, Never

from kedro_datasets import matplotlib as kedro_matplotlib

from coherent_cxr.datasets.whole import WholeDataset


class FigureDataset(WholeDataset[Any, Never], kedro_matplotlib.MatplotlibDataset):
    """Kedro's dataset of matplotlib figures, written atomically."""
