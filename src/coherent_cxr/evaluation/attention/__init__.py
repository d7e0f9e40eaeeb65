"""Attention maps, and whether they look where a finding is."""
