"""ConvNeXt-Tiny (Liu et al. 2022): the largest of the encoders, for GPUs."""

from coherent_cxr.models.encoders.torchvision_models import torchvision_architecture

ARCHITECTURE = torchvision_architecture("convnext_tiny", channels=768)
