"""Commands for those who run a model: its registry, and how it does."""
