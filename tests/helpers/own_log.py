"""A module that sets up a log when it is imported, as Kedro does."""

from __future__ import annotations

import logging

logging.getLogger().addHandler(logging.StreamHandler())


def tell() -> None:
    """Log one line."""
    logging.getLogger("work").warning("said in a child")
