"""Pipelines of the project, by name."""

from importlib import import_module
from importlib.util import find_spec

from kedro.pipeline import Pipeline

STAGES = (
    "report_parsing",
    "findings_extraction",
    "chexpert_labelling",
    "vocabulary_building",
    "fabrication",
    "image_preparation",
    "encoder_pretraining",
    "mle_training",
    "rl_fine_tuning",
    "baselines",
    "evaluation",
    "model_registration",
)
"""The stages in the order in which they can run one after the other."""


def register_pipelines() -> dict[str, Pipeline]:
    """Return every stage by its name, and all of them together as ``__default__``."""
    stages: dict[str, Pipeline] = {
        name: import_module(f"coherent_cxr.pipelines.{name}").create_pipeline()
        for name in STAGES
        if find_spec(f"coherent_cxr.pipelines.{name}")
    }
    return {"__default__": sum(stages.values(), Pipeline([])), **stages}
