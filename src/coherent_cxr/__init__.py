"""Coherent CXR: clinically coherent chest X-ray report generation (Liu et al. 2019) as a Kedro project.

For research only. Nothing this package writes may be used for clinical decisions.
"""

__version__ = "0.1.0"
