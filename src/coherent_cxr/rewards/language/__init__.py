"""Rewards that compare the words of reports."""
