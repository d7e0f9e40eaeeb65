"""What lets a registered model decide findings before it generates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.decider import FindingDecider
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.training.encoder.decisions import calibration_of, thresholds_of

BACKBONE = "encoder.backbone."


def with_decider(
    bundle: ModelBundle, pretrained_encoder: Mapping[str, Tensor], thresholds: pd.DataFrame, shifts: int = 0
) -> ModelBundle:
    """Add the label classifiers of the pretrained encoder, and their thresholds, to a bundle.

    Args:
        bundle: The model.
        pretrained_encoder: What it was trained from.
        thresholds: What the stage encoder_pretraining chose on validation.
        shifts: Shifted copies of each image that the label scores were averaged with.

    Returns:
        The bundle; without a decider if the generator's encoder is not the pretrained one any more (trained
        end to end).
    """
    encoder = PretrainedEncoder.from_tensors(pretrained_encoder)
    if not _same_backbone(bundle, encoder):
        return bundle
    state, *others = (_of_observations(member) for member in encoder.members)
    limits = {
        str(point): torch.from_numpy(thresholds_of(thresholds, point).astype("float32"))
        for point in thresholds["operating_point"].unique()
    }
    calibration = calibration_of(thresholds)
    slope = torch.from_numpy(calibration.slopes.astype("float32"))
    intercept = torch.from_numpy(calibration.intercepts.astype("float32"))
    decider = FindingDecider(
        state["head.weight"],
        state["head.bias"],
        limits,
        slope,
        intercept,
        PretrainedEncoder(encoder.encoder, others) if others else None,
        shifts,
    )
    return replace(bundle, decider=decider)


def with_bands(bundle: ModelBundle, bands: pd.DataFrame) -> ModelBundle:
    """Add the bands of probability in which the model abstains; a bundle without decider stays as it is.

    Args:
        bundle: The model.
        bands: ``operating_point``, ``observation``, ``low``, ``high``.
    """
    if bundle.decider is None:
        return bundle
    by_point = {
        str(point): torch.from_numpy(
            table.set_index("observation").loc[list(OBSERVATIONS), ["low", "high"]].to_numpy(np.float32)
        )
        for point, table in bands.groupby("operating_point", sort=False)
    }
    return replace(bundle, decider=replace(bundle.decider, bands=by_point))


def _of_observations(member: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a classifier's state without what it had behind the observations: MeSH terms."""
    head = {name: member[name][: len(OBSERVATIONS)].clone() for name in ("head.weight", "head.bias")}
    return {**member, **head}


def _same_backbone(bundle: ModelBundle, encoder: PretrainedEncoder) -> bool:
    own = {
        name.removeprefix(BACKBONE): value
        for name, value in bundle.weights.items()
        if name.startswith(BACKBONE)
    }
    state = encoder.backbone_state()
    return own.keys() == state.keys() and all(torch.equal(own[name], state[name]) for name in own)
