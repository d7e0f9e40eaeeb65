"""A page that compares two runs."""
