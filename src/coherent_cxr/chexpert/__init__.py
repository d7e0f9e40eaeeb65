"""A rule-based CheXpert labeller."""
