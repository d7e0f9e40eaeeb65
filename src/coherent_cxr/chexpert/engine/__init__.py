"""The labeller's three steps: mentions, their status, one label per observation."""
