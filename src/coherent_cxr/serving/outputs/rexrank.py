"""ReXrank's JSON: one object by study id, as its evaluation script reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from coherent_cxr.serving.outputs.characters import storable

if TYPE_CHECKING:
    from coherent_cxr.serving.study_report import StudyReport

PREDICTION = "model_prediction"
"""Key that ReXrank's scripts read the report from."""


def rexrank_entry(report: StudyReport, asked: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a study's entry of ReXrank's file of predictions.

    Args:
        report: Of the study.
        asked: The study's entry of ReXrank's input file, which is kept as its scripts do; without one, the
            entry names the images.

    Returns:
        JSON: the entry with ``model_prediction``.
    """
    return {**(_images(report) if asked is None else asked), PREDICTION: storable(report.report.text)}


def _images(report: StudyReport) -> dict[str, Any]:
    used = [image.name for image in report.images if not image.left_out]
    views = {"frontal": "Frontal", "lateral": "Lateral", "unknown": "Unknown"}
    return {
        "key_image_path": used[0] if used else None,
        "image_path": [image.name for image in report.images],
        "frontal_lateral": [views[image.view] for image in report.images],
    }
