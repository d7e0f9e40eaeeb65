"""MobileNetV3-Large (Howard et al. 2019): the fastest of the encoders on a CPU."""

from coherent_cxr.models.encoders.torchvision_models import torchvision_architecture

ARCHITECTURE = torchvision_architecture("mobilenet_v3_large", channels=960)
