"""Kedro pipelines, one folder a stage: thin adapters between the catalog and the domain packages."""
