"""Kedro dataset types of this project, reached only from the catalog."""
