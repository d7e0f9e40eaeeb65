"""The MLflow tracking store: its address and database, checks, repairs and clear errors."""
