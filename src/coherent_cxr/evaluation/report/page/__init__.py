"""The results page: one self-contained HTML file that needs neither network nor JavaScript."""

from coherent_cxr.evaluation.report.page.data import Attended, Background, Champion, EncoderQuality, Judged
from coherent_cxr.evaluation.report.page.results import results_page

__all__ = ["Attended", "Background", "Champion", "EncoderQuality", "Judged", "results_page"]
