"""Image encoders by name; each is one module of this package that defines ``ARCHITECTURE``."""

from coherent_cxr.models.encoders.architecture import Architecture, EncoderName, architecture, encoder_names

__all__ = ["Architecture", "EncoderName", "architecture", "encoder_names"]
