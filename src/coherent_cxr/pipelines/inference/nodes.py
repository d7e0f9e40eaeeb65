"""Nodes of the stage."""

from __future__ import annotations

import os
from functools import partial

import mlflow
import pandas as pd

from coherent_cxr.pieces.mapping import CLUSTER, map_by_study
from coherent_cxr.pieces.table_file import Table, held
from coherent_cxr.serving.batch import stage
from coherent_cxr.serving.batch.stage import InferenceConfig


def list_studies(config: InferenceConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the studies of a folder or a table, and what there is none."""
    return stage.list_input(config)


def generate_reports(
    config: InferenceConfig, inference_studies: Table, not_listed: pd.DataFrame
) -> tuple[Table, pd.DataFrame]:
    """Write their reports: in this process, which has the accelerator, or on a Dask cluster."""
    generate = partial(stage.generate_piece, config, mlflow.get_tracking_uri())
    reports, refused = map_by_study(generate, here=CLUSTER not in os.environ, studies=inference_studies)
    return reports, pd.concat([not_listed, held(refused)], ignore_index=True)
