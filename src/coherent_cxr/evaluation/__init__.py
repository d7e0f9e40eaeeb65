"""Metrics, tables and the results page."""
