"""Sections of free-text reports, found by their headings."""
