"""Baselines of the report generator (Liu et al. 2019, section 4.3)."""
