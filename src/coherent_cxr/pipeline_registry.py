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

EXTRA_STAGES = (
    "download_openi",
    "mimic_fabrication",
    "label_comparison",
    "quality_report",
    "compare",
    "ablation",
)
"""Stages that run on request only."""


def register_pipelines() -> dict[str, Pipeline]:
    """Return every stage by its name, and those of :data:`STAGES` together as ``__default__``."""
    stages: dict[str, Pipeline] = {
        name: import_module(f"coherent_cxr.pipelines.{name}").create_pipeline()
        for name in (*STAGES, *EXTRA_STAGES)
        if find_spec(f"coherent_cxr.pipelines.{name}")
    }
    default = sum((stages[name] for name in STAGES if name in stages), Pipeline([]))
    return {"__default__": default, **stages}
