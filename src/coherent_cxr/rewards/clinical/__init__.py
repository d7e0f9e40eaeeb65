"""Rewards that compare labels of reports."""
