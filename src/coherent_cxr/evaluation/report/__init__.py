"""The results page: its figures, its templates, the comparison of runs."""
