"""Scoring of report files that other systems wrote."""
