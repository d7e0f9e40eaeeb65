"""Running nodes on pieces of tables, so that memory stays bounded and every core or machine has work."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from multiprocessing import get_context
from typing import Any, Never

import pandas as pd
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import SequentialRunner
from kedro.runner.task import Task
from pluggy import PluginManager
from tqdm import tqdm

from coherent_cxr.corpora.parsing import stream_reports
from coherent_cxr.runners.cutting import cut_by_study
from coherent_cxr.runners.table_files import TableFiles, are_files
from coherent_cxr.runtime.cores import usable_cores

BY_STUDY = {
    "extract_findings": ("studies",),
    "label_findings": ("findings",),
    "encode_reports": ("findings", "splits", "sentence_labels"),
}
"""Nodes that look at one study at a time, and the tables that are cut for them (:func:`.cut_by_study`)."""
LIGHT = {"encode_reports"}
"""Those of them that are done here, because sending the pieces to workers would take longer."""
READ_IN_PIECES = {
    "split_studies": ("findings", "studies"),
    "build_vocabulary": ("findings", "sentence_labels"),
    "count_splits": ("encoded_reports",),
}
"""Nodes that read a :class:`.TableFile` themselves, and the tables that they get as such."""
STREAMED: dict[str, Callable[[Any, int], Iterator[tuple[pd.DataFrame, ...]]]] = {
    "parse_reports": stream_reports
}
"""Nodes that can give their tables piece by piece: what is called instead, with their input and the rows."""

Results = tuple[pd.DataFrame, ...]


def _own_name(node: Node) -> str:
    """Return a node's name without its stage's."""
    return str(node.name).rpartition(".")[2]


class RowsRunner(SequentialRunner):
    """Runs nodes one after the other, those that look at one study at a time in pieces on all cores.

    Tables are read and written a piece at a time (Parquet row groups), so that memory does not grow with
    them. What comes out equals what Kedro's own runners give. Hooks are called as by these, with a
    :class:`.TableFile` in place of a table that is cut.

    Args:
        is_async: As in Kedro; not used.
        workers: Processes; all cores by default.
        rows: Rows per piece.
    """

    def __init__(self, is_async: bool = False, workers: int | None = None, rows: int = 10_000) -> None:
        super().__init__(is_async=False)
        self._workers = workers or usable_cores()
        self._rows = rows

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        for node in pipeline.nodes:
            cut = self._tables_to_cut(node, catalog)
            read = [name for name in READ_IN_PIECES.get(_own_name(node), ()) if are_files(catalog, [name])]
            files: Any = TableFiles(catalog, [*cut, *read], self._rows)  # a catalog to all who do not ask
            if _own_name(node) in STREAMED and are_files(catalog, node.outputs):
                node = self._streaming(node, files)
            elif cut:
                node = self._by_study(node, files, cut)
            try:
                Task(node, files, is_async=False, hook_manager=hook_manager, run_id=run_id).execute()
            finally:
                files.discard()
            self._logger.info("Completed node: %s", node.name)

    def _pool(self) -> AbstractContextManager[Executor]:
        return ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))

    def _tables_to_cut(self, node: Node, catalog: CatalogProtocol[Any, Any]) -> tuple[str, ...]:
        tables = BY_STUDY.get(_own_name(node), ())
        settings = [catalog.load(name) for name in node.inputs if tables and name.startswith("params:")]
        # The first so many studies of each piece are not the first of all.
        limited = any(getattr(setting, "max_studies", None) for setting in settings)
        return tables if not limited and are_files(catalog, [*tables, *node.outputs]) else ()

    def _streaming(self, node: Node, files: TableFiles) -> Node:
        @wraps(node.func)
        def run(config: Any) -> Any:
            return files.write(node.outputs, STREAMED[_own_name(node)](config, self._rows))

        return node._copy(func=run)

    def _by_study(self, node: Node, files: TableFiles, cut: tuple[str, ...]) -> Node:
        @wraps(node.func)
        def run(*inputs: Any) -> Any:
            given = dict(zip(node.inputs, inputs, strict=True))
            tables = {name: given.pop(name) for name in cut}
            job = Job(node, given, cut)
            bar: tqdm[Never] = tqdm(total=len(tables[cut[0]]), desc=node.name, unit="row")
            with nullcontext() if _own_name(node) in LIGHT else self._pool() as pool, bar:
                pieces = _map(pool, job, cut_by_study(tables), 2 * self._workers)
                written = files.write(node.outputs, _counted(pieces, bar))
            return written if len(written) > 1 else written[0]

        return node._copy(func=run)


class DaskRunner(RowsRunner):
    """The same on a Dask cluster.

    Args:
        is_async: As in Kedro; not used.
        address: Of the cluster's scheduler; a cluster on this machine by default.
        workers: Processes of the cluster on this machine; all cores by default.
        rows: Rows per piece.
    """

    def __init__(
        self,
        is_async: bool = False,
        address: str | None = None,
        workers: int | None = None,
        rows: int = 10_000,
    ) -> None:
        super().__init__(is_async, workers, rows)
        self._address = address

    def _pool(self) -> AbstractContextManager[Executor]:
        try:
            import distributed
        except ImportError as error:
            raise ModuleNotFoundError(
                "The DaskRunner needs Dask; install it with: pip install 'coherent-cxr[dask]'."
            ) from error
        make: Any = distributed.Client  # Dask is partly untyped
        local = {"n_workers": self._workers, "threads_per_worker": 1, "dashboard_address": None}
        client: Any = make(self._address) if self._address else make(**local)
        executor: Executor = client.get_executor(pure=False)
        return _Closing(executor, client.close if self._address else client.shutdown)


class _Closing(AbstractContextManager[Executor]):
    def __init__(self, executor: Executor, close: Callable[[], object]) -> None:
        self._executor, self._close = executor, close

    def __enter__(self) -> Executor:
        return self._executor

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._close()


class Job:
    """A node's function with those of its inputs that are the same for all pieces.

    Args:
        node: The node.
        given: These inputs by name.
        cut: The names of the other inputs.
    """

    def __init__(self, node: Node, given: dict[str, Any], cut: tuple[str, ...]) -> None:
        self._function = node.func
        self._names = node.inputs
        self._given = given
        self._cut = cut

    def __call__(self, pieces: Results) -> Results | Exception:
        """Call the function on a piece of each table; return the results or what was raised."""
        inputs = self._given | dict(zip(self._cut, pieces, strict=True))
        try:
            results = self._function(*(inputs[name] for name in self._names))
        except Exception as error:
            # Raised here, its message would be logged by Dask in this process, where nothing redacts it.
            error.add_note(f"In the node's function:\n{''.join(traceback.format_tb(error.__traceback__))}")
            return error
        return results if isinstance(results, tuple) else (results,)


def _map(
    pool: Executor | None, job: Job, pieces: Iterable[Results], ahead: int
) -> Iterator[tuple[int, Results]]:
    """Yield (rows, results) of every piece in order, computing a few ahead, or none without workers."""
    under_way: deque[tuple[int, Any]] = deque()
    for piece in pieces:
        if pool is None:
            yield len(piece[0]), _checked(job(piece))
            continue
        under_way.append((len(piece[0]), pool.submit(job, piece)))
        if len(under_way) > ahead:
            count, future = under_way.popleft()
            yield count, _checked(future.result())
    for count, future in under_way:
        yield count, _checked(future.result())


def _checked(results: Results | Exception) -> Results:
    if isinstance(results, Exception):
        raise results
    return results


def _counted(pieces: Iterable[tuple[int, Results]], bar: tqdm[Never]) -> Iterator[Results]:
    for count, results in pieces:
        yield results
        bar.update(count)
