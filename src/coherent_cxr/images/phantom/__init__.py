"""Phantom radiographs: frontal chest images drawn from labels and report words. They are not radiographs."""

from coherent_cxr.images.phantom.description import Finding, describe
from coherent_cxr.images.phantom.drawing import NOTICE, draw_phantom

__all__ = ["NOTICE", "Finding", "describe", "draw_phantom"]
