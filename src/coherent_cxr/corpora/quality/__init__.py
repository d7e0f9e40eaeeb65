"""Counts that describe a corpus, and the page that shows them."""
