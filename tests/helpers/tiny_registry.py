"""An MLflow database with the tiny generator registered as champion."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow

from coherent_cxr.serving.registration.registry import register
from coherent_cxr.serving.registration.selection import ModelRegistrationConfig
from helpers.settings import filled
from helpers.tiny_bundle import make_bundle


def make_registry(folder: Path, database: Path | None = None) -> str:
    """Return the address of a new database, or of a copy of one; MLflow's own address is left as it was."""
    if database:
        shutil.copy(database, folder / "mlflow.db")
    before, uri = mlflow.get_tracking_uri(), f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("test", str(folder / "mlartifacts")))
    validation = {
        "systems": {"full": {"score": 0.5}},
        "assessments": {"full": {"reasons": []}},
        "candidate": "full",
        "by_rule": "full",
        "label_rules": "corrected",
        "rule": "rule",
        "validation_digest": "digest",
    }
    with mlflow.start_run():
        register(filled(ModelRegistrationConfig), make_bundle(), validation, lambda alias, promotion: "card")
    mlflow.set_tracking_uri(before)
    return uri
