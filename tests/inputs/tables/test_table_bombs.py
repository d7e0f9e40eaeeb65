"""Tables of a few kilobytes that stand for gigabytes, and tables read where there is little memory."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from coherent_cxr.cli import main
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.tables.reading import load_table, read_table

TEXT = "No acute disease. "


def packed_csv(path: Path) -> Path:
    with gzip.open(path / "reports.csv.gz", "wb", 9) as file:
        file.write(b"study_id,report\n")
        for _ in range(60):
            file.write(b"s1,No acute disease.\n" * (1 << 16))
    return path / "reports.csv.gz"


def many_rows(path: Path) -> Path:
    rows = pa.DictionaryArray.from_arrays(np.zeros(9_000_000, np.int8), pa.array(["a"])).cast(pa.string())
    pq.write_table(pa.table({"report": rows}), path / "reports.parquet")
    return path / "reports.parquet"


def long_values(path: Path) -> Path:
    rows = pa.array(["a" * 1_000_000] * 100)
    pq.write_table(pa.table({"report": rows}), path / "reports.parquet", compression="zstd")
    return path / "reports.parquet"


@pytest.mark.parametrize("bomb", [packed_csv, many_rows, long_values])
@pytest.mark.slow
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, bomb: Callable[[Path], Path]) -> None:
    path = bomb(tmp_path)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(TableError, match=r"more than [\d,]+ (MB|bytes)"):
        load_table(path)


@pytest.mark.parametrize("bomb", [many_rows, long_values])
def test_bombs_are_not_labelled(tmp_path: Path, bomb: Callable[[Path], Path]) -> None:
    arguments = ["--reports_path", str(bomb(tmp_path)), "--output_path", str(tmp_path / "labels.csv")]
    answer = CliRunner().invoke(main, ["label", *arguments])
    assert answer.exit_code == 1
    assert "unpacks to more than" in answer.output
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.slow
def test_honest_tables_that_pack_well_are_read(tmp_path: Path) -> None:
    rows = {"study_id": [f"s{n}" for n in range(50_000)], "report": [TEXT * 5] * 50_000}
    pq.write_table(pa.table(rows), tmp_path / "t.parquet", compression="zstd")
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), tmp_path / "none.parquet")
    lines = "".join(f"{study},{TEXT * 5}\n" for study in rows["study_id"])
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(f"study_id,report\n{lines}".encode(), 9))
    for name in ("t.parquet", "t.csv.gz"):
        table = read_table(tmp_path / name)
        assert table["study_id"].tolist() == rows["study_id"]
        assert len(table) == 50_000
    assert len(load_table(tmp_path / "none.parquet").rows) == 0


@pytest.mark.parametrize("name", ["small.csv", "small.csv.gz"])
@pytest.mark.slow
def test_a_small_table_needs_little_memory(tmp_path: Path, name: str) -> None:
    content = b"study_id,report\ns1,Clear.\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    script = (
        "from coherent_cxr.inputs.tables.reading import load_table; print(len(load_table(sys.argv[1]).rows))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; {script}", str(tmp_path / name)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (10**9, 10**9)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "1\n", ended.stderr[-500:]
