"""One function for every piece of tables: on this machine's cores, or on a Dask cluster."""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing import get_context
from typing import Any

import pandas as pd

from coherent_cxr.pieces.cutting import cut_by_study
from coherent_cxr.pieces.table_file import Table, TableFile, write_pieces
from coherent_cxr.runtime.cores import usable_cores
from coherent_cxr.runtime.progress_line import ProgressLine

CLUSTER = "DASK_SCHEDULER_ADDRESS"
"""Dask's own variable: the address of a cluster's scheduler."""

Piece = dict[str, pd.DataFrame]
Results = tuple[pd.DataFrame, ...]


def map_by_study(
    function: Callable[..., pd.DataFrame | Results], *, here: bool = False, **tables: Table
) -> tuple[Table, ...]:
    """Call a function that looks at one study at a time with pieces of tables; put its results together.

    Args:
        function: Called with pieces by the tables' names; returns a table or several. Other processes must be
            able to import it.
        here: Whether all is done in this process, because sending the pieces would take longer. Tables of one
            piece always are.
        tables: Tables as :func:`.cut_by_study` wants them.

    Returns:
        The tables that the function gives for whole tables; files if there were several pieces.
    """
    leading = next(iter(tables.values()))
    several = isinstance(leading, TableFile) and len(leading) > leading.rows
    line = ProgressLine(len(leading), _name(function), "reports", shown=several)
    with _workers() if several and not here else nullcontext((None, 0)) as (pool, ahead), line:
        return write_pieces(_results(function, cut_by_study(tables), pool, ahead, line))


@contextmanager
def _workers() -> Iterator[tuple[Executor, int]]:
    """Yield workers, and how many pieces may wait for one."""
    if CLUSTER not in os.environ:
        with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as pool:
            yield pool, 2 * usable_cores()
        return
    try:
        import distributed
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{CLUSTER} is set, but Dask is not installed; install it with: pip install 'coherent-cxr[dask]'."
        ) from error
    make: Any = distributed.Client  # Dask is partly untyped
    with make(os.environ[CLUSTER]) as client, client.get_executor(pure=False) as pool:
        yield pool, 2 * sum(client.nthreads().values())


def _results(
    function: Callable[..., Any],
    pieces: Iterable[Piece],
    pool: Executor | None,
    ahead: int,
    line: ProgressLine,
) -> Iterator[Results]:
    """Yield the results of every piece in order, computing a few ahead, or none without workers."""
    under_way: deque[tuple[int, Callable[[], Results | Exception]]] = deque()

    def finish() -> Results:
        rows, result = under_way.popleft()
        results = result()
        if isinstance(results, Exception):
            raise results
        line.update(rows)
        return results

    for piece in pieces:
        work = partial(call, function, piece)
        rows = len(next(iter(piece.values())))
        under_way.append((rows, work if pool is None else pool.submit(work).result))
        if len(under_way) > ahead:
            yield finish()
    while under_way:
        yield finish()


def call(function: Callable[..., Any], piece: Piece) -> Results | Exception:
    """Call the function on a piece; return the results or what was raised.

    Raised here, a message that quotes a report would be logged by Dask where nothing redacts it.
    """
    try:
        results = function(**piece)
    except Exception as error:
        error.add_note(f"In the node's function:\n{''.join(traceback.format_tb(error.__traceback__))}")
        return error
    return results if isinstance(results, tuple) else (results,)


def _name(function: Any) -> str:
    return str(getattr(function, "func", function).__name__)
