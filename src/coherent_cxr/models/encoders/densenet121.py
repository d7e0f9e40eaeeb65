"""DenseNet-121 (Huang et al. 2017): the paper's encoder."""

from coherent_cxr.models.encoders.torchvision_models import torchvision_architecture

ARCHITECTURE = torchvision_architecture("densenet121", channels=1024)
