"""Kedro hooks."""

HOOKS = ()
