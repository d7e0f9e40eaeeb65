"""Figures of the results: catalog entries, artifacts of the run, and drawings on the results page."""
