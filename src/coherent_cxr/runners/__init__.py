"""Kedro runners that cut large tables into pieces: on this machine's cores, or on a Dask cluster."""

from coherent_cxr.runners.by_rows import DaskRunner, RowsRunner

__all__ = ["DaskRunner", "RowsRunner"]
