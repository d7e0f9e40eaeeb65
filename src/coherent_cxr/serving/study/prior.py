"""The study before, as a model reads it that was trained with priors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.inference.attention import image_features
from coherent_cxr.inference.samples import pad_reports
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.prior import PriorInput
from coherent_cxr.reports.vocabulary import Vocabulary


class PreparedPrior(NamedTuple):
    """The study before.

    Attributes:
        pixels: Grey levels of the image that is compared with the study's first ``(size, size)``.
        days: How many days before.
        report: Words of each sentence of its findings; empty where it has none.
    """

    pixels: NDArray[np.uint8]
    days: float
    report: Sequence[Sequence[str]] = ()


def prior_input(
    model: ReportGenerator,
    vocabulary: Vocabulary,
    features: Tensor,
    priors: Sequence[PreparedPrior | None],
    most: int,
) -> PriorInput | None:
    """Return what a generator reads of the priors of several studies; None where there is none.

    Args:
        model: The generator in evaluation mode.
        vocabulary: Its words.
        features: Of the studies' own first images ``(studies, K, channels)``.
        priors: Of each study; None is absent.
        most: Most images that are encoded together.
    """
    there = [place for place, prior in enumerate(priors) if prior is not None]
    if not there:
        return None
    pixels = np.stack([prior.pixels for prior in priors if prior is not None])
    before = features.clone()  # of a study without a prior nothing of it is read
    encoded = [image_features(model, pixels[at : at + most]) for at in range(0, len(pixels), most)]
    before[there] = torch.cat(encoded)
    # whole hours, as in training
    days = [-1.0 if prior is None else round(prior.days * 24) / 24 for prior in priors]
    words = None
    if model.config.prior_report:
        told = [[] if prior is None else [vocabulary.encode(one) for one in prior.report] for prior in priors]
        words = pad_reports(told, model.config).words.to(features.device)
    return PriorInput(before, torch.tensor(days, device=features.device), words)
