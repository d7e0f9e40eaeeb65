"""Settings for tests: those of ``conf/base``, but small and without a download, with what a test changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from base_settings import PAPER, merged, section

from coherent_cxr.configuration import Settings

S = TypeVar("S", bound=Settings)

OF_TESTS: Mapping[str, Mapping[str, Any]] = {
    "GeneratorConfig": PAPER,
    "MleTrainingConfig": {
        "generator": PAPER,
        "epochs": 64,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "schedule": "halving",
        "halve_every": 16,
        "finding_weight": 1.0,
        "sampling_step": 0.05,
        "sampling_every": 8,
    },
    "RlFineTuningConfig": {
        "samples": 1,
        "temperature": 1.0,
        "epochs": 1,
        "batch_size": 64,
        "learning_rate": 5e-6,
        "decay": False,
        # two dozen studies and a generator of random weights: nothing to fall back from
        "guard": {"min_positive_calls": 0.0, "min_unique_reports": 0.0},
    },
    "EncoderPretrainingConfig": {
        "encoder": "small_cnn",
        "weights": "none",
        "frozen_stride": 0,
        "epochs": 5,
        "head_learning_rate_factor": 1.0,
    },
    "BaselinesConfig": {
        "systems": "all",
        "captioner": {"size": 256},
        "training": {"epochs": 20, "learning_rate": 1e-3},
    },
    "CaptionerConfig": {"size": 256},
    "CaptioningConfig": {"epochs": 20, "learning_rate": 1e-3},
    "ExtraImagesConfig": {"labels": {}},
    "ImagePreparationConfig": {"max_images_per_study": None},
    "GenerationConfig": {"decided": (), "checkpoint_folder": None},
}
"""What tests have otherwise than ``conf/base``, by class."""


def filled(settings: type[S], **changes: Any) -> S:
    """Return settings for a test, with some values changed; nested ones may be given as mappings."""
    own = merged(settings, section(settings), OF_TESTS.get(settings.__name__, {}))
    return settings(**merged(settings, own, changes))
