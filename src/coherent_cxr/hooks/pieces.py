"""Nodes that look at one study at a time read large tables in pieces."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node

from coherent_cxr.datasets.tables import rows_per_piece
from coherent_cxr.pieces.table_file import ROWS

TAG = "pieces"
"""Marks nodes that take a :class:`.TableFile` in place of a table."""


class PiecesHook:
    """Lets nodes with the tag ``pieces`` have their tables as files; all others have whole tables.

    Args:
        rows: Rows per piece.
    """

    def __init__(self, rows: int = ROWS) -> None:
        self._rows = rows

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Tell the table for whom it is loaded, in this thread."""
        rows_per_piece.set(self._rows if TAG in node.tags else None)

    @hook_impl
    def after_dataset_loaded(self) -> None:
        """Reset: whoever loads from the catalog gets a whole table."""
        rows_per_piece.set(None)

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Reset after a table that could not be loaded."""
        rows_per_piece.set(None)
