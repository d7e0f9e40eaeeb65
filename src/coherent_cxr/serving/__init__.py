"""One report generator behind the command line, the MLflow model and the registry."""
