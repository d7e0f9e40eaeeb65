"""Scores of reports: language, clinical, diversity; pure functions of texts and labels."""
