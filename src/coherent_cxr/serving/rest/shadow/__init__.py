"""A second model that reads along and answers nobody: how often it would have said something else."""
