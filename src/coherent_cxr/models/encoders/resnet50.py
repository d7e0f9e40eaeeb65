"""ResNet-50 (He et al. 2016)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50

from coherent_cxr.models.encoders.architecture import Architecture


def _without_classifier(network: nn.Module) -> nn.Sequential:
    # torchvision's ResNet has no part called `features`: everything before pooling is it.
    return nn.Sequential(
        OrderedDict((name, part) for name, part in network.named_children() if name not in ("avgpool", "fc"))
    )


def _imagenet() -> Mapping[str, Tensor]:
    return _without_classifier(resnet50(weights=ResNet50_Weights.IMAGENET1K_V1)).state_dict()


ARCHITECTURE = Architecture(lambda: _without_classifier(resnet50()), channels=2048, imagenet=_imagenet)
