"""Neural captioning baselines."""
