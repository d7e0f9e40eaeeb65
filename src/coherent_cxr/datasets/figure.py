"""Figures as picture files."""

from __future__ import annotations

from typing import Any, Never

from kedro_datasets import matplotlib as kedro_matplotlib

from coherent_cxr.datasets.whole import WholeDataset


class FigureDataset(WholeDataset[Any, Never], kedro_matplotlib.MatplotlibDataset):
    """Kedro's picture of a matplotlib figure, written whole or not at all."""
