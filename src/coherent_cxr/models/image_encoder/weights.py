"""Starting weights of the image encoder, by name."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from coherent_cxr.models.encoders.architecture import EncoderName, Normalisation, architecture
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.models.image_encoder.provenance import XRAYVISION


class EncoderWeightsError(RuntimeError):
    """Named encoder weights that are not available; the message says what to do."""


def load_backbone(encoder: EncoderName, weights: str) -> Backbone:
    """Return an encoder with named weights and the normalisation they expect.

    Args:
        encoder: Name of the encoder.
        weights: ``none`` (random weights, from the global seed), ``imagenet``,
            ``torchxrayvision:<weights>`` (for example ``torchxrayvision:densenet121-res224-chex``), or the
            path of a ``.safetensors`` file with a backbone's state.

    Raises:
        EncoderWeightsError: If the name is unknown, the file does not fit the encoder, or weights cannot be
            had here.
    """
    if weights == "none":
        return Backbone(encoder)
    if weights == "imagenet":
        return _imagenet(encoder)
    if weights.startswith(XRAYVISION):
        return _xrayvision(encoder, weights.removeprefix(XRAYVISION))
    return _from_file(encoder, Path(weights))


def _imagenet(encoder: EncoderName) -> Backbone:
    described = architecture(encoder)
    try:
        state = described.imagenet()
    except ImportError as error:
        raise EncoderWeightsError(
            f"The ImageNet weights of '{encoder}' come with a package that is not installed ({error}). "
            "Install the project again, or set the encoder's `weights` to 'none'."
        ) from error
    except OSError as error:
        raise EncoderWeightsError(_no_download(f"{encoder}, imagenet", error)) from error
    backbone = Backbone(encoder, described.imagenet_normalisation)
    backbone.features.load_state_dict(dict(state))
    return backbone


def _xrayvision(encoder: EncoderName, weights: str) -> Backbone:
    import torchxrayvision

    if not weights.startswith("densenet121") or encoder != "densenet121":
        raise EncoderWeightsError(
            f"'{XRAYVISION}{weights}' cannot start the encoder '{encoder}': only DenseNet-121 is taken from "
            f"torchxrayvision. Name the encoder 'densenet121' and weights such as "
            f"'{XRAYVISION}densenet121-res224-chex'."
        )
    try:
        network = torchxrayvision.models.DenseNet(weights=weights)
    except Exception as error:  # the library lets urllib, OS and its own errors through alike
        raise EncoderWeightsError(_no_download(XRAYVISION + weights, error)) from error
    # These networks read one channel in -1024..1024: (grey - 0.5) * 2048. Grey repeated over three channels
    # gives the same first feature map when each channel carries a third of the kernel.
    state = dict(network.features.state_dict())
    state["conv0.weight"] = state["conv0.weight"].repeat(1, 3, 1, 1) / 3
    backbone = Backbone(encoder, Normalisation((0.5,) * 3, (1 / 2048,) * 3))
    backbone.features.load_state_dict(state)
    return backbone


def _from_file(encoder: EncoderName, path: Path) -> Backbone:
    if not path.is_file():
        raise EncoderWeightsError(
            f"Encoder weights '{path}' are neither a known name (none, imagenet, {XRAYVISION}<weights>) nor "
            "a file. Correct the setting `weights`."
        )
    state: dict[str, Tensor] = load_file(path)
    if any("/" in name for name in state):  # written by the stage encoder_pretraining
        try:
            pretrained = PretrainedEncoder.from_tensors(state)
        except ValueError as error:
            raise EncoderWeightsError(f"'{path}': {error}") from error
        if pretrained.encoder != encoder:
            raise EncoderWeightsError(
                f"'{path}' holds the encoder '{pretrained.encoder}', the setting `encoder` is '{encoder}'. "
                "Make them the same."
            )
        state = pretrained.backbone_state()
    backbone = Backbone(encoder)
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        raise EncoderWeightsError(
            f"'{path}' does not hold the weights of the encoder '{encoder}': "
            f"{str(error).splitlines()[-1].strip()[:200]}"
        ) from error
    return backbone


def _no_download(name: str, error: BaseException) -> str:
    return (
        f"The encoder weights '{name}' could not be downloaded ({error}). Without internet, either put the "
        f"file into '{torch.hub.get_dir()}' beforehand, name a .safetensors file, or set the encoder's "
        "`weights` to 'none' and let the stage encoder_pretraining train it."
    )
