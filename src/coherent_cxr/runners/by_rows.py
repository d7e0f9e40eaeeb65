"""Running row-wise nodes piece by piece, so that memory stays bounded and every core or machine has work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, Never

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import SequentialRunner
from kedro.runner.task import Task
from kedro_datasets.pandas import ParquetDataset
from pluggy import PluginManager
from tqdm import tqdm

from coherent_cxr.corpora.parsing import stream_reports
from coherent_cxr.images.decoding_workers import usable_cores

BY_ROWS = {"extract_findings": "studies", "label_findings": "findings"}
"""Nodes that look at one row at a time, and the table whose rows they are."""
STREAMED: dict[str, Callable[[Any, int], Iterator[tuple[pd.DataFrame, ...]]]] = {
    "parse_reports": stream_reports
}
"""Nodes that can give their tables piece by piece: what is called instead, with their input and the rows."""


class Job(NamedTuple):
    """A node's function, its other inputs by position, and the position of the piece of the table."""

    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    place: int


class RowsRunner(SequentialRunner):
    """Runs nodes one after the other, row-wise ones in pieces on all cores.

    Tables are read and written a piece at a time (Parquet row groups), so that memory does not grow with
    them. What comes out equals what Kedro's own runners give; hooks around loading and saving do not see
    these tables.

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
            if node.name in STREAMED and _are_files(catalog, node.outputs):
                pieces = STREAMED[node.name](catalog.load(node.inputs[0]), self._rows)
                _write(catalog, node, ((0, piece) for piece in pieces), tqdm(disable=True))
            elif self._is_cut(node, catalog):
                with self._pool() as pool:
                    self._run_in_pieces(node, catalog, pool)
            else:
                task = Task(node, catalog, is_async=False, hook_manager=hook_manager, run_id=run_id)
                task.execute()
            self._logger.info("Completed node: %s", node.name)

    def _pool(self) -> AbstractContextManager[Executor]:
        return ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))

    def _is_cut(self, node: Node, catalog: CatalogProtocol[Any, Any]) -> bool:
        table = BY_ROWS.get(node.name)
        if table is None:
            return False
        limits = [getattr(catalog.load(name), "max_studies", None) for name in node.inputs if name != table]
        # The first so many studies of each piece are not the first of all.
        return not any(limits) and _are_files(catalog, [table, *node.outputs])

    def _run_in_pieces(self, node: Node, catalog: CatalogProtocol[Any, Any], pool: Executor) -> None:
        table = BY_ROWS[node.name]
        place = node.inputs.index(table)
        others = tuple(None if name == table else catalog.load(name) for name in node.inputs)
        job = Job(node.func, others, place)
        source = pq.ParquetFile(Path(_dataset(catalog, table)._get_load_path()))
        pieces = (pa.Table.from_batches([batch]).to_pandas() for batch in source.iter_batches(self._rows))
        bar: tqdm[Never] = tqdm(total=source.metadata.num_rows, desc=node.name, unit="row")
        _write(catalog, node, _map(pool, job, pieces, 2 * self._workers), bar)


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


def _are_files(catalog: CatalogProtocol[Any, Any], names: list[str]) -> bool:
    datasets = [catalog.get(name) for name in names]
    return all(isinstance(d, ParquetDataset) and d._protocol == "file" for d in datasets)


def _write(
    catalog: CatalogProtocol[Any, Any],
    node: Node,
    pieces: Iterator[tuple[int, tuple[pd.DataFrame, ...]]],
    bar: tqdm[Never],
) -> None:
    """Write pieces of a node's tables to where the catalog keeps them."""
    writers = [_Writer(Path(_dataset(catalog, name)._get_save_path())) for name in node.outputs]
    try:
        with bar:
            for count, results in pieces:
                for writer, result in zip(writers, results, strict=True):
                    writer.write(result)
                bar.update(count)
        for writer in writers:
            writer.finish()
    finally:
        for writer in writers:
            writer.discard()


def _dataset(catalog: CatalogProtocol[Any, Any], name: str) -> ParquetDataset:
    dataset = catalog.get(name)
    assert isinstance(dataset, ParquetDataset)
    return dataset


class _Closing(AbstractContextManager[Executor]):
    def __init__(self, executor: Executor, close: Callable[[], object]) -> None:
        self._executor, self._close = executor, close

    def __enter__(self) -> Executor:
        return self._executor

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._close()


class _Writer:
    """A Parquet file that appears whole when it is finished."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._writing = target.with_name(f".{target.name}.writing")
        self._writer: pq.ParquetWriter | None = None
        self._empty: pa.Table | None = None

    def write(self, frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if not table.num_rows:
            self._empty = table
            return
        if self._writer is None:
            self._writing.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._writing, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))

    def finish(self) -> None:
        if self._writer is None:
            self._writing.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({}) if self._empty is None else self._empty, self._writing)
        else:
            self._writer.close()
        self._writing.replace(self._target)

    def discard(self) -> None:
        self._writing.unlink(missing_ok=True)


def _map(
    pool: Executor, job: Job, pieces: Iterator[pd.DataFrame], ahead: int
) -> Iterator[tuple[int, tuple[pd.DataFrame, ...]]]:
    """Yield (rows, results) of every piece in order, computing a few ahead."""
    under_way: deque[tuple[int, Any]] = deque()
    for piece in pieces:
        under_way.append((len(piece), pool.submit(run_piece, job, piece)))
        if len(under_way) > ahead:
            count, future = under_way.popleft()
            yield count, future.result()
    while under_way:
        count, future = under_way.popleft()
        yield count, future.result()


def run_piece(job: Job, piece: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    """Call a node's function on a piece of its table."""
    inputs = [piece if place == job.place else value for place, value in enumerate(job.inputs)]
    result = job.function(*inputs)
    return result if isinstance(result, tuple) else (result,)
