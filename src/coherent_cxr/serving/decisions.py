"""What lets a registered model decide findings before it generates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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
    bundle: ModelBundle, pretrained_encoder: Mapping[str, Tensor], thresholds: pd.DataFrame
) -> ModelBundle:
    """Add the label classifier of the pretrained encoder, and its thresholds, to a bundle.

    Args:
        bundle: The model.
        pretrained_encoder: What it was trained from.
        thresholds: What the stage encoder_pretraining chose on validation.

    Returns:
        The bundle; without a decider if the generator's encoder is not the pretrained one any more (trained
        end to end) or the thresholds are those of several encoders, of which a bundle holds the first.
    """
    encoder = PretrainedEncoder.from_tensors(pretrained_encoder)
    if len(encoder.members) != 1 or not _same_backbone(bundle, encoder):
        return bundle
    state = encoder.members[0]
    limits = {
        str(point): torch.from_numpy(thresholds_of(thresholds, point).astype("float32"))
        for point in thresholds["operating_point"].unique()
    }
    # behind the observations the head may have had MeSH terms
    weight, bias = (state[f"head.{name}"][: len(OBSERVATIONS)].clone() for name in ("weight", "bias"))
    calibration = calibration_of(thresholds)
    slope = torch.from_numpy(calibration.slopes.astype("float32"))
    intercept = torch.from_numpy(calibration.intercepts.astype("float32"))
    return replace(bundle, decider=FindingDecider(weight, bias, limits, slope, intercept))


def _same_backbone(bundle: ModelBundle, encoder: PretrainedEncoder) -> bool:
    own = {
        name.removeprefix(BACKBONE): value
        for name, value in bundle.weights.items()
        if name.startswith(BACKBONE)
    }
    state = encoder.backbone_state()
    return own.keys() == state.keys() and all(torch.equal(own[name], state[name]) for name in own)
