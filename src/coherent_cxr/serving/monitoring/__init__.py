"""How a model does while it runs: a log of numbers, shadow mode, and the page about drift."""
