"""Where MLflow keeps runs and models: its address, its database, and what can be wrong with them."""
