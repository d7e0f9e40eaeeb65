"""Tables as Parquet and CSV files."""

from __future__ import annotations

import pandas as pd
from kedro_datasets import pandas as kedro_pandas

from coherent_cxr.datasets.whole import WholeDataset


class ParquetDataset(WholeDataset[pd.DataFrame, pd.DataFrame], kedro_pandas.ParquetDataset):
    """Kedro's Parquet table, written whole or not at all."""


class CSVDataset(WholeDataset[pd.DataFrame, pd.DataFrame], kedro_pandas.CSVDataset):
    """Kedro's CSV table, written whole or not at all."""
