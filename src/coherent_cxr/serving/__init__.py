"""One report writer behind the command line, the MLflow model and the registry."""
