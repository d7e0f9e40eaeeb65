"""Labels findings with the fourteen observations of CheXpert."""

from coherent_cxr.pipelines.chexpert_labelling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
