"""Bands of probability in which a model abstains, and the risk-coverage curve they rest on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.training.encoder.abstention import Abstention, choose_bands, risks

STUDIES = [f"S{n}" for n in range(10)]
PROBABILITIES = np.array([0.02, 0.1, 0.2, 0.45, 0.48, 0.53, 0.55, 0.8, 0.9, 0.95])
POSITIVE = np.array([0, 0, 0, 0, 1, 0, 1, 1, 1, 1])
"""Of the ten, called at one half, the fifth is missed and the sixth invented."""


def chosen(share: float, positive: np.ndarray = POSITIVE, threshold: float = 0.0) -> Abstention:
    logits = np.log(PROBABILITIES / (1 - PROBABILITIES))
    scores = pd.DataFrame({"study_id": STUDIES, **dict.fromkeys(OBSERVATIONS, logits)})
    labels = pd.DataFrame({"study_id": STUDIES, **dict.fromkeys(OBSERVATIONS, positive)})
    thresholds = pd.DataFrame(
        [("balanced", name, threshold, 1.0, 0.0) for name in OBSERVATIONS],
        columns=["operating_point", "observation", "threshold", "slope", "intercept"],
    )
    return choose_bands(scores, labels.iloc[::-1], STUDIES, thresholds, share)


def test_risks_are_those_of_the_farthest_from_the_threshold() -> None:
    """Margins: 48, 40, 30, 5, 2, 3, 5, 30, 40, 45 hundredths; 2 of 10, 1 of 9, 0 of 8 are wrong."""
    found = risks(PROBABILITIES, POSITIVE == 1, 0.5, (1.0, 0.9, 0.8, 0.5))
    assert found == pytest.approx([0.2, 1 / 9, 0.0, 0.0])


def test_a_band_holds_the_share_of_studies_that_are_nearest_to_the_threshold() -> None:
    edema = chosen(0.2).bands.set_index("observation").loc["Edema"]
    assert (edema["low"], edema["high"]) == pytest.approx((0.47, 0.53))
    assert (edema["coverage"], edema["risk"], edema["risk_outside"]) == pytest.approx((0.8, 0.2, 0.0))


@pytest.mark.parametrize(
    "found",
    [
        chosen(0.0),  # nobody asked for a band
        chosen(0.05),  # it would hold half a study
        chosen(0.2, np.zeros(10, int)),  # no positive study
        chosen(0.2, (PROBABILITIES >= 0.5).astype(int)),  # nothing is called wrongly
        chosen(0.2, threshold=np.inf),  # never called
    ],
)
def test_there_is_no_band_where_it_would_not_help(found: Abstention) -> None:
    assert (found.bands["low"] > found.bands["high"]).all()
    assert (found.bands["coverage"] == 1).all()


def test_no_finding_has_no_band_and_an_empty_validation_split_gives_none() -> None:
    bands = chosen(0.2).bands.set_index("observation")
    assert bands.loc["No Finding", "low"] > bands.loc["No Finding", "high"]
    scores = pd.DataFrame({"study_id": [], **{name: [] for name in OBSERVATIONS}})
    thresholds = pd.DataFrame(
        [("balanced", name, 0.0, 1.0, 0.0) for name in OBSERVATIONS],
        columns=["operating_point", "observation", "threshold", "slope", "intercept"],
    )
    labels = pd.DataFrame({"study_id": STUDIES, **dict.fromkeys(OBSERVATIONS, POSITIVE)})
    empty = choose_bands(scores, labels, STUDIES, thresholds, 0.1)
    assert (empty.bands["low"] > empty.bands["high"]).all()
    assert empty.curve["risk"].isna().all()
