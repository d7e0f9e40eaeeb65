"""Attention maps, and whether they cover the region of a finding."""
