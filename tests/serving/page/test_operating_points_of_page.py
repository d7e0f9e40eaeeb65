"""The slider: operating points from the strictest on, thresholds on the scale of the bars."""

from __future__ import annotations

import math

import pytest
import torch

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.models.decider import FindingDecider
from coherent_cxr.serving.page.operating_points import operating_points


def decider() -> FindingDecider:
    labels = len(OBSERVATIONS)
    strict, lax = torch.full((labels,), 2.0), torch.full((labels,), -2.0)
    strict[OBSERVATIONS.index("Fracture")] = math.inf
    return FindingDecider(
        weight=torch.zeros(labels, 3),
        bias=torch.zeros(labels),
        thresholds={"sensitive": lax, "balanced": torch.zeros(labels), "precision-0.7": strict},
        slope=torch.ones(labels),
        intercept=torch.full((labels,), 1.0),
    )


def test_points_go_from_the_strictest_to_the_most_sensitive() -> None:
    assert [point.name for point in operating_points(decider())] == ["precision-0.7", "balanced", "sensitive"]


def test_a_threshold_is_the_calibrated_probability_at_which_a_finding_is_called() -> None:
    strict, balanced, _ = operating_points(decider())
    assert balanced.thresholds["Edema"] == pytest.approx(1 / (1 + math.exp(-1)))
    assert strict.thresholds["Edema"] == pytest.approx(1 / (1 + math.exp(-3)))
    assert strict.thresholds["Fracture"] is None
    assert "No Finding" not in strict.thresholds
    assert "0.7" in strict.meaning
