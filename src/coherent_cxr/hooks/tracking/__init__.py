"""What MLflow is told of a run: one entry a run, its datasets, metrics and records; nothing of a patient."""
