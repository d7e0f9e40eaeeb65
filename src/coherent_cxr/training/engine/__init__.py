"""What every training shares: the loop, checkpoints, history, progress."""
