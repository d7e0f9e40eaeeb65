"""The results page: one self-contained HTML file that needs neither network nor JavaScript."""

from coherent_cxr.evaluation.page.results import results_page

__all__ = ["results_page"]
