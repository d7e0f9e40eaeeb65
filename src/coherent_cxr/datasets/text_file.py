"""Pages and cards as text files."""

from __future__ import annotations

from kedro_datasets import text as kedro_text

from coherent_cxr.datasets.whole import WholeDataset


class TextDataset(WholeDataset[str, str], kedro_text.TextDataset):
    """Kedro's text file, written atomically."""
