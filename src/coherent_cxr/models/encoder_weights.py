"""Starting weights of the image encoder, by name."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from coherent_cxr.models.encoder import Backbone, Normalisation

XRAYVISION = "torchxrayvision:"


class EncoderWeightsError(RuntimeError):
    """Named encoder weights that cannot be had; the message says what to do."""


def load_backbone(name: str) -> Backbone:
    """Return a DenseNet-121 backbone with named weights and the normalisation they expect.

    Args:
        name: ``none`` (random weights, from the global seed), ``imagenet`` (torchvision),
            ``torchxrayvision:<weights>`` (for example ``torchxrayvision:densenet121-res224-all``), or the
            path of a ``.safetensors`` file with a backbone's state.

    Raises:
        EncoderWeightsError: If the name is unknown, the file does not fit, or a download fails.
    """
    if name == "none":
        return Backbone()
    if name == "imagenet":
        return _imagenet()
    if name.startswith(XRAYVISION):
        return _xrayvision(name.removeprefix(XRAYVISION))
    return _from_file(Path(name))


def _imagenet() -> Backbone:
    from torchvision.models import DenseNet121_Weights, densenet121

    try:
        network = densenet121(weights=DenseNet121_Weights.IMAGENET1K_V1)
    except OSError as error:
        raise EncoderWeightsError(_no_download("imagenet", error)) from error
    backbone = Backbone(Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    backbone.features.load_state_dict(network.features.state_dict())
    return backbone


def _xrayvision(weights: str) -> Backbone:
    import torchxrayvision

    if not weights.startswith("densenet121"):
        raise EncoderWeightsError(
            f"'{XRAYVISION}{weights}' is no DenseNet-121; name one such as "
            f"'{XRAYVISION}densenet121-res224-all'."
        )
    try:
        network = torchxrayvision.models.DenseNet(weights=weights)
    except Exception as error:  # the library lets urllib, OS and its own errors through alike
        raise EncoderWeightsError(_no_download(XRAYVISION + weights, error)) from error
    # These networks read one channel in -1024..1024: (grey - 0.5) * 2048. Grey repeated over three channels
    # gives the same first feature map when each channel carries a third of the kernel.
    state = dict(network.features.state_dict())
    state["conv0.weight"] = state["conv0.weight"].repeat(1, 3, 1, 1) / 3
    backbone = Backbone(Normalisation((0.5,) * 3, (1 / 2048,) * 3))
    backbone.features.load_state_dict(state)
    return backbone


def _from_file(path: Path) -> Backbone:
    if not path.is_file():
        raise EncoderWeightsError(
            f"Encoder weights '{path}' are neither a known name (none, imagenet, {XRAYVISION}<weights>) nor "
            "a file. Correct the setting `weights`."
        )
    state: dict[str, Tensor] = load_file(path)
    backbone = Backbone()
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        raise EncoderWeightsError(
            f"'{path}' does not hold the weights of a DenseNet-121 backbone: {str(error).splitlines()[-1]}"
        ) from error
    return backbone


def _no_download(name: str, error: BaseException) -> str:
    return (
        f"The encoder weights '{name}' could not be downloaded ({error}). Without internet, either put the "
        f"file into '{torch.hub.get_dir()}' beforehand, name a .safetensors file, or set the encoder's "
        "`weights` to 'none' and let the stage encoder_pretraining train it."
    )
