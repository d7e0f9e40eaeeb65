"""Training of the baselines, and their reports."""
