"""Scoring of report files of other systems."""
